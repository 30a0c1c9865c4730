"""What an ACP agent says during a turn, and what it may do: the client's side of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acp import schema
from acp.exceptions import RequestError

from agents.harness.config import Config
from agents.harness.journal import Emit

OWN_SERVER = "hyperhive"
KINDS = {
    "read": ("Read",),
    "search": ("Glob", "Grep"),
    "edit": ("Edit", "Write"),
    "delete": ("Edit", "Write"),
    "move": ("Edit", "Write"),
    "execute": ("Bash",),
    "fetch": ("WebFetch", "WebSearch"),
}
"""Kinds of tools in the protocol, and the names that allow them in `hyperhive.allowedTools`."""
GUARDED = "mcp__bash__"
"""The hive's own shell checks each command itself."""
HARMLESS = ("think", "switch_mode")


@dataclass
class Reading:
    """One turn, filled update by update."""

    emit: Emit
    text: list[str] = field(default_factory=list)
    told_operator: bool = False
    begun: bool = False
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    _said: list[str] = field(default_factory=list)

    def words(self) -> str:
        """What was said last, after the last tool."""
        return "".join(self.text).strip()

    def chunk(self, text: str) -> None:
        self.begun = True
        self.text.append(text)
        self._said.append(text)

    def flush(self) -> None:
        """Chunks are for eyes; one event holds what was said in one go."""
        if said := "".join(self._said).strip():
            self.emit("said", detail={"text": said})
        self._said.clear()

    def tool(self, update: schema.ToolCallStart | schema.ToolCallProgress) -> None:
        self.begun = True
        call = self._calls.setdefault(update.tool_call_id, {"title": "", "input": None, "told": False, "over": False})
        call["title"] = update.title or call["title"]
        call["input"] = update.raw_input or call["input"]
        if update.status in (None, "pending") and not call["told"]:
            return
        self._begin(update.tool_call_id, call)
        if update.status in ("completed", "failed") and not call["over"]:
            call["over"] = True
            self._end(update, call)

    def _begin(self, ident: str, call: dict[str, Any]) -> None:
        if not call["told"]:
            call["told"] = True
            self.flush()
            self.text.clear()
            self.emit("tool_call", tool=call["title"][:200], detail={"id": ident, "input": call["input"]})

    def _end(self, update: schema.ToolCallStart | schema.ToolCallProgress, call: dict[str, Any]) -> None:
        ok = update.status == "completed"
        detail = {"id": update.tool_call_id, "output": _text(update)}
        self.emit("tool_done" if ok else "tool_failed", tool=call["title"][:200], detail=detail)
        to = call["input"].get("to") if isinstance(call["input"], Mapping) else None
        if ok and OWN_SERVER in call["title"] and call["title"].endswith("send"):
            self.emit("message_sent", to=to)
            self.told_operator |= to in ("operator", "*")


class Client:
    """Answers the agent's requests. It has the sandbox's files and programs itself: the client offers it none."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.reading: Reading | None = None
        self.commands: set[str] = set()
        self.used: int | None = None
        self.size: int | None = None
        self.cost: float | None = None
        self.quiet = False
        """While a session is loaded its past is told again: that is no news."""

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:  # noqa: ARG002 - the interface's
        reading = self.reading
        if reading is not None:
            reading.heard.set()
        if isinstance(update, schema.AvailableCommandsUpdate):
            self.commands = {command.name for command in update.available_commands}
        elif isinstance(update, schema.UsageUpdate):
            self.used, self.size = update.used, update.size or None
            self.cost = update.cost.amount if update.cost is not None else self.cost
        elif reading is None or self.quiet:
            return
        elif isinstance(update, schema.AgentMessageChunk) and isinstance(update.content, schema.TextContentBlock):
            reading.chunk(update.content.text)
        elif isinstance(update, (schema.ToolCallStart, schema.ToolCallProgress)):
            reading.tool(update)

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002 - the interface's
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: Any,
    ) -> schema.RequestPermissionResponse:
        wanted = ("allow_once", "allow_always") if self._allows(tool_call) else ("reject_once", "reject_always")
        if self.reading is not None:
            self.reading.emit("permission", tool=(tool_call.title or "")[:200], allowed=wanted[0] == "allow_once")
        for option in sorted(options, key=lambda option: option.kind not in wanted[:1]):
            if option.kind in wanted:
                chosen = schema.AllowedOutcome(option_id=option.option_id, outcome="selected")
                return schema.RequestPermissionResponse(outcome=chosen)
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))

    def on_connect(self, conn: Any) -> None:
        """Nothing to prepare."""

    def __getattr__(self, name: str) -> Any:
        """Files, terminals and forms of ours: the agent was told that there are none."""
        if name.startswith("_"):
            raise AttributeError(name)

        async def refuse(*_: Any, **__: Any) -> Any:
            raise RequestError.method_not_found(name)

        return refuse

    def _allows(self, call: schema.ToolCallUpdate) -> bool:
        """What the hive offers is decided by the hive; the rest by `allowedTools` and `allowedBashPatterns`."""
        options, kind = self._config.options, call.kind or "other"
        if kind in HARMLESS or (call.title or "").startswith(f"mcp__{OWN_SERVER}__"):
            return True
        if (call.title or "").startswith(GUARDED):
            return options.get("allowedTools") is None or call.title in options["allowedTools"]
        if kind == "execute" and options.get("allowedBashPatterns") is not None:
            return False
        chosen = options.get("allowedTools")
        names = [rule for rule in chosen or [] if isinstance(rule, str)]
        return chosen is None or any(name in names for name in (*KINDS.get(kind, ()), call.title))


def _text(update: schema.ToolCallStart | schema.ToolCallProgress) -> str:
    found = [
        part.content.text
        for part in update.content or []
        if isinstance(part, schema.ContentToolCallContent) and isinstance(part.content, schema.TextContentBlock)
    ]
    return "\n".join(found)
