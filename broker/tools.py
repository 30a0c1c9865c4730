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

logger = logging.getLogger(__name__)
Args = Mapping[str, Any]


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


_tools: dict[str, Tool] = {}


def register(name: str, schema: Schema, function: Function, *, manager_only: bool = False) -> None:
    """Add a tool. What it returns is given to the model: text as it is, anything else as JSON."""
    _tools[name] = Tool(name, schema, function, manager_only)


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
    except FieldRefused as refusal:
        raise ToolError(f"{name}: {refusal}") from refusal
    except ToolError:
        raise
    except Refused as refusal:
        raise ToolError(str(refusal)) from refusal
    except DatabaseError as error:
        logger.error("%s of %s failed: %s", name, identity.agent, error)
        raise ToolError(f"{name}: the hive could not write to its database; nothing has changed, try again") from error
    except Exception as error:
        logger.exception("%s of %s failed", name, identity.agent)
        raise ToolError(f"{name} failed inside the hive; its log tells why") from error
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
