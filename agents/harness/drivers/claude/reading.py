"""What a turn of the CLI said (its stream-json events), and what that means."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any

from agents.harness.drivers.claude.command import OWN_SERVER, SEND_TOOL
from agents.harness.journal import Emit

Json = dict[str, Any]
ABORTED = ("aborted_tools", "aborted_streaming")
CONTEXT_KEYS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


class Verdict(enum.Enum):
    """Decided by `is_error` and `terminal_reason`: exit status and subtype say `success` for a refused request."""

    OK = "ok"
    LOGIN = "not signed in"
    LIMIT = "rate limit"
    OVERFLOW = "the session is too long"
    SESSION_LOST = "the session is not there"
    AWAY = "the service does not answer"
    NO_TOOLS = "the hive's tools are not there"
    LATE = "out of time"
    INTERRUPTED = "interrupted"
    DIED = "the CLI ended without a word"
    FAILED = "failed"


@dataclass
class Reading:
    """Filled by `take`, event by event; unknown events pass by.

    `wanted` is the id of the message that was said to a CLI that lives on: what it does of itself before it takes that
    message up, as after a background task, is none of this turn.
    """

    emit: Emit
    resumed: bool = False
    wanted: str | None = None
    session: str | None = None
    model: str | None = None
    tools_there: bool = True
    needs_tools: bool = True
    error: str = ""
    result: Json | None = None
    resets_at: float | None = None
    told_operator: bool = False
    late: str = ""
    interrupted: bool = False
    begun: bool = False
    """The model has said or done something: to run the turn again may do it twice."""
    stderr: str = ""
    login_refusals: int = 0
    context: int | None = None
    context_limit: int | None = None
    compacted: bool = False
    compaction_error: str = ""
    _calls: dict[str, Json] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Nothing that may still come would change the verdict."""
        return self.result is not None or not self.tools_there or self.login_refusals > 1

    def take_line(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if isinstance(event, dict):
            self.take(event)

    def take(self, event: Json) -> None:
        kind = event.get("type")
        if self.wanted is not None and not self._is_taken_up(event):
            return
        if kind == "system":
            self._system(event)
        elif kind == "assistant":
            self._assistant(event)
        elif kind == "user":
            self._tool_results(event)
        elif kind == "rate_limit_event":
            self._limit(event.get("rate_limit_info") or {})
        elif kind == "result":
            self._result(event)

    def _is_taken_up(self, event: Json) -> bool:
        """Whether the CLI works on our message now. CLIs differ in how they say so."""
        names = (event.get("command_uuid"), event.get("uuid"), event.get("user_message_uuid"))
        if self.wanted not in (*names, *(event.get("user_message_uuids") or ())):
            # An init comes before the message is repeated.
            return event.get("type") == "system" and event.get("subtype") == "init"
        if event.get("state") != "queued":
            self.wanted = None
        return True

    def _system(self, event: Json) -> None:
        subtype = event.get("subtype")
        if subtype == "init":
            self._init(event)
        elif subtype == "api_retry":
            self.emit("api_retry", attempt=event.get("attempt"), error=event.get("error"))
            self.login_refusals += event.get("error") == "authentication_failed"
        elif subtype == "compact_boundary":
            self._compacted(event.get("compact_metadata") or {})
        elif subtype == "status" and event.get("compact_result") == "failed":
            self.compaction_error = str(event.get("compact_error") or "it did not say why")

    def _init(self, event: Json) -> None:
        self.session, self.model = event.get("session_id"), event.get("model")
        states = {server.get("name"): server.get("status") for server in event.get("mcp_servers") or []}
        self.tools_there = not self.needs_tools or states.get(OWN_SERVER) == "connected"
        for name, state in states.items():
            if state != "connected":
                self.emit("mcp_server", name=name, status=state)

    def _compacted(self, data: Json) -> None:
        before, after = data.get("pre_tokens"), data.get("post_tokens")
        self.compacted = True
        self.context = after if isinstance(after, int) else None
        self.emit("compacted", trigger=data.get("trigger"), before=before, after=after)

    def _limit(self, info: Json) -> None:
        if info.get("status") == "rejected" and isinstance(info.get("resetsAt"), (int, float)):
            self.resets_at = float(info["resetsAt"])

    def _assistant(self, event: Json) -> None:
        self.error = event.get("error") or self.error
        message = event.get("message") or {}
        if message.get("model") != "<synthetic>":
            self.begun = True
            self._count_context(message.get("usage") or {}, event.get("parent_tool_use_id"))
        for part in _parts(event, "text"):
            self.emit("said", detail={"text": str(part.get("text"))})
        for part in _parts(event, "tool_use"):
            self._calls[str(part.get("id"))] = part
            self.emit("tool_call", tool=part.get("name"), detail={"id": part.get("id"), "input": part.get("input")})

    def _count_context(self, usage: Json, within: object) -> None:
        """What the newest request filled; a subagent's requests have a context of their own."""
        counts = [usage.get(key) for key in CONTEXT_KEYS]
        if within is None and any(isinstance(count, int) for count in counts):
            self.context = sum(count for count in counts if isinstance(count, int))

    def _tool_results(self, event: Json) -> None:
        for part in _parts(event, "tool_result"):
            call = self._calls.pop(str(part.get("tool_use_id")), {})
            detail = {"id": part.get("tool_use_id"), "output": _text(part.get("content"))}
            if part.get("is_error"):
                self.emit("tool_failed", tool=call.get("name"), detail=detail)
                continue
            self.emit("tool_done", tool=call.get("name"), detail=detail)
            if call.get("name") == SEND_TOOL:
                self._sent((call.get("input") or {}).get("to"))

    def _sent(self, to: object) -> None:
        self.emit("message_sent", to=to)
        self.told_operator |= to in ("operator", "*")

    def _result(self, event: Json) -> None:
        self.result = event
        self.session = event.get("session_id") or self.session
        windows = [model.get("contextWindow") for name, model in _models(event) if name == self.model]
        self.context_limit = next((size for size in windows if isinstance(size, int) and size > 0), None)

    def verdict(self) -> Verdict:
        if self.late:
            return Verdict.LATE
        if self.interrupted and (self.result is None or self.result.get("terminal_reason") in ABORTED):
            return Verdict.INTERRUPTED
        if not self.tools_there:
            return Verdict.NO_TOOLS
        if self.login_refusals > 1:
            return Verdict.LOGIN
        if self.result is None:
            return Verdict.SESSION_LOST if self.resumed and self._says_no_session() else Verdict.DIED
        return Verdict.OK if self.result.get("is_error") is False else self._refused(self.result)

    def _says_no_session(self) -> bool:
        return not self.begun and "No conversation found" in self.stderr

    def _refused(self, result: Json) -> Verdict:
        reason, status = result.get("terminal_reason"), result.get("api_error_status")
        if reason == "prompt_too_long":
            return Verdict.OVERFLOW
        if reason is None and self.resumed and result.get("num_turns") == 0:
            return Verdict.SESSION_LOST
        if self.error == "authentication_failed" or status in (401, 403):
            return Verdict.LOGIN
        if self.error == "rate_limit" or status == 429:
            return Verdict.LIMIT
        return Verdict.AWAY if self.error == "server_error" or (status or 0) >= 500 else Verdict.FAILED

    def text(self) -> str:
        """The model's last words, or why there are none."""
        result = self.result or {}
        errors = "; ".join(str(error) for error in result.get("errors") or [])
        return str(self.late or result.get("result") or errors or self.stderr.strip()[-500:] or self.verdict().value)

    def usage(self, cost_before: float = 0.0) -> Json:
        """This turn's own figures. The CLI sums the cost up over the session: `cost_before` is what it was."""
        result = self.result or {}
        counted = result.get("usage") or {}
        found = {
            "input_tokens": counted.get("input_tokens"),
            "output_tokens": counted.get("output_tokens"),
            "cache_read_tokens": counted.get("cache_read_input_tokens"),
            "cache_write_tokens": counted.get("cache_creation_input_tokens"),
            "steps": result.get("num_turns"),
        }
        if (cost := self.session_cost()) is not None:
            found["cost_usd"] = round(cost - cost_before if cost >= cost_before else cost, 6)
        return found

    def session_cost(self) -> float | None:
        cost = (self.result or {}).get("total_cost_usd")
        return float(cost) if isinstance(cost, (int, float)) else None


def _models(result: Json) -> list[tuple[str, Json]]:
    found = result.get("modelUsage")
    return [(name, data) for name, data in found.items() if isinstance(data, dict)] if isinstance(found, dict) else []


def _parts(event: Json, kind: str) -> list[Json]:
    content = (event.get("message") or {}).get("content")
    return [part for part in content if part.get("type") == kind] if isinstance(content, list) else []


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
