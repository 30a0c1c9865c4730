"""The tools of an agent: one table behind the websocket's `call` and MCP's `tools/call`."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError

from agents import naming
from broker.refusals import Refused, ToolError
from broker.schemas import FieldRefused, Schema, check
from broker.storing import Outgoing, Sent

logger = logging.getLogger(__name__)
Args = Mapping[str, Any]
_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Identity:
    """Who calls. `handed` gathers (session, message) of what this call leased, to be given back if nobody reads it."""

    agent: str
    handed: list[tuple[str, int]] = field(default_factory=list)

    @property
    def is_manager(self) -> bool:
        return naming.is_manager(self.agent)


Function = Callable[[Identity, dict[str, Any]], Awaitable[object]]


@dataclass(frozen=True)
class Quick:
    """Of a tool that only sends a message: what to send, and what to show of it. Needs no task of its own."""

    outgoing: Callable[[Identity, dict[str, Any]], Outgoing]
    show: Callable[[Sent], object]


@dataclass(frozen=True)
class Tool:
    """`schema` is the JSON Schema of the arguments; its `description` tells the model when to use the tool."""

    name: str
    schema: Schema
    function: Function
    manager_only: bool

    @property
    def description(self) -> str:
        return str(self.schema["description"])

    @property
    def input_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": False, "properties": {}, **self.schema}


@dataclass(frozen=True)
class QuickTool(Tool):
    """May be called with `begin` and `shown` instead of `call`."""

    quick: Quick


_tools: dict[str, Tool] = {}


def register(
    name: str, schema: Schema, function: Function, *, manager_only: bool = False, quick: Quick | None = None
) -> None:
    """Add a tool. What it returns is given to the model: text as it is, anything else as JSON."""
    tool = Tool(name, schema, function, manager_only)
    _tools[name] = QuickTool(name, schema, function, manager_only, quick) if quick is not None else tool


def quick(name: str) -> QuickTool | None:
    """The tool, if it is a quick one."""
    tool = _tools.get(name)
    return tool if isinstance(tool, QuickTool) else None


def begin(identity: Identity, tool: QuickTool, args: Args) -> Outgoing:
    """The message that a quick tool sends. Raises `ToolError`."""
    try:
        return tool.quick.outgoing(identity, check(tool.schema, args, closed=True))
    except (FieldRefused, Refused) as refusal:
        raise _told(identity, tool.name, refusal) from refusal


def shown(identity: Identity, tool: QuickTool, result: object) -> str:
    """What the model sees of what became of it. Raises `ToolError`."""
    if isinstance(result, Sent):
        return _as_text(tool.quick.show(result))
    if isinstance(result, Exception):
        raise _told(identity, tool.name, result) from result
    raise TypeError(f"{tool.name} has sent nothing: {result!r}")


def visible(identity: Identity) -> list[Tool]:
    """The tools that the caller may use."""
    return [tool for tool in _tools.values() if identity.is_manager or not tool.manager_only]


async def call(identity: Identity, name: str, args: Args) -> str:
    """Check the arguments and run the tool. Raises `ToolError`, whose text is for the model."""
    tool = _tools.get(name)
    if tool is None:
        names = ", ".join(other.name for other in visible(identity))
        raise ToolError(f"there is no tool {name[:60]!r}; there are: {names}")
    if tool.manager_only and not identity.is_manager:
        raise ToolError(f"{name} is for the manager only; ask it: send(to='manager', …)")
    try:
        output = await tool.function(identity, check(tool.schema, args, closed=True))
    except Exception as error:  # whatever it is, the model is answered
        raise _told(identity, name, error) from error
    return _as_text(output)


def _told(identity: Identity, name: str, error: Exception) -> ToolError:
    """What the model is told of a failure; what is not its own is in the log."""
    if isinstance(error, FieldRefused):
        return ToolError(f"{name}: {error}")
    if isinstance(error, Refused):
        return ToolError(str(error))
    logger.error("%s of %s failed", name, identity.agent, exc_info=error)
    if isinstance(error, DatabaseError):
        return ToolError(f"{name}: the hive could not write to its database; nothing has changed, try again")
    return ToolError(f"{name} failed inside the hive; its log tells why")


def _as_text(output: object) -> str:
    return output if isinstance(output, str) else _json(output)
