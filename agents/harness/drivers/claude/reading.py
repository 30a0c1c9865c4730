"""What a turn of the CLI said (its stream-json events), and what that means."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any

from agents.harness.drivers.claude.command import OWN_SERVER, SEND_TOOL
from agents.harness.journal import Emit

Json = dict[str, Any]


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
    FAILED = "failed"


@dataclass
class Reading:
    """Filled by `take`, event by event; unknown events pass by."""

    emit: Emit
    resumed: bool = False
    session: str | None = None
    model: str | None = None
    tools_there: bool = True
    error: str = ""
    result: Json | None = None
    resets_at: float | None = None
    told_operator: bool = False
    late: str = ""
    stderr: str = ""
    login_refusals: int = 0
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
        if kind == "system":
            self._system(event)
        elif kind == "assistant":
            self.error = event.get("error") or self.error
            self._tool_uses(event)
        elif kind == "user":
            self._tool_results(event)
        elif kind == "rate_limit_event":
            self._limit(event.get("rate_limit_info") or {})
        elif kind == "result":
            self.result = event
            self.session = event.get("session_id") or self.session

    def _system(self, event: Json) -> None:
        if event.get("subtype") == "init":
            self.session, self.model = event.get("session_id"), event.get("model")
            states = {server.get("name"): server.get("status") for server in event.get("mcp_servers") or []}
            self.tools_there = states.get(OWN_SERVER) == "connected"
            for name, state in states.items():
                if state != "connected":
                    self.emit("mcp_server", name=name, status=state)
        elif event.get("subtype") == "api_retry":
            self.emit("api_retry", attempt=event.get("attempt"), error=event.get("error"))
            self.login_refusals += event.get("error") == "authentication_failed"

    def _limit(self, info: Json) -> None:
        if info.get("status") == "rejected" and isinstance(info.get("resetsAt"), (int, float)):
            self.resets_at = float(info["resetsAt"])

    def _tool_uses(self, event: Json) -> None:
        for part in _parts(event, "tool_use"):
            self._calls[str(part.get("id"))] = part
            self.emit("tool_call", tool=part.get("name"))

    def _tool_results(self, event: Json) -> None:
        for part in _parts(event, "tool_result"):
            call = self._calls.pop(str(part.get("tool_use_id")), {})
            if part.get("is_error"):
                self.emit("tool_failed", tool=call.get("name"))
            elif call.get("name") == SEND_TOOL and (call.get("input") or {}).get("to") in ("operator", "*"):
                self.told_operator = True

    def verdict(self) -> Verdict:
        if self.late:
            return Verdict.LATE
        if not self.tools_there:
            return Verdict.NO_TOOLS
        if self.login_refusals > 1:
            return Verdict.LOGIN
        if self.result is None:
            return Verdict.SESSION_LOST if self.resumed and self.stderr else Verdict.FAILED
        return Verdict.OK if self.result.get("is_error") is False else self._refused(self.result)

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

    def usage(self) -> Json:
        """For the log: this turn's own figures (the cost is the session's so far)."""
        result = self.result or {}
        counted = result.get("usage") or {}
        tokens = {key: counted.get(key) for key in ("input_tokens", "output_tokens")}
        return {**tokens, "steps": result.get("num_turns"), "session_cost_usd": result.get("total_cost_usd")}


def _parts(event: Json, kind: str) -> list[Json]:
    content = (event.get("message") or {}).get("content")
    return [part for part in content if part.get("type") == kind] if isinstance(content, list) else []
