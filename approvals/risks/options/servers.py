"""MCP servers: programs and services outside the hive that the model talks to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.options.allowances import added
from approvals.risks.wording import cited, listed, named

_WHY = "What an MCP server answers is read by the model, and its tools act for the agent."
_FIELDS = ("command", "args", "env", "url", "headers", "tools")
_NAMES_ONLY = ("env", "headers")


def servers(change: Change) -> Iterator[Flag]:
    before, after = (_set(value) for value in change.option("extraMcpServers"))
    for name in sorted(after, key=str):
        where = f"hyperhive.extraMcpServers.{named(str(name))}"
        server = _set(after[name])
        if name not in before:
            yield Flag("mcp-server", "high", where, f"New MCP server: {_described(server, _FIELDS)}. {_WHY}")
            continue
        changed = [field for field in _FIELDS if _differs(field, _set(before[name]).get(field), server.get(field))]
        if changed:
            what = _described(server, changed) or f"{listed(changed)} taken away"
            yield Flag("mcp-server", "high", where, f"Changed: {what}. {_WHY}")


def _differs(field: str, before: Any, after: Any) -> bool:
    """Fewer tools are no risk."""
    if field == "tools":
        return added(before, after) != []
    return bool(before != after)


def _described(server: Mapping[str, Any], fields: list[str] | tuple[str, ...]) -> str:
    return "; ".join(_field(name, server.get(name)) for name in fields if _worth_saying(name, server.get(name)))


def _worth_saying(name: str, value: Any) -> bool:
    return name == "tools" or value not in (None, [], {})


def _field(name: str, value: Any) -> str:
    """Of variables and headers only the names: their values may be secrets."""
    if name == "tools" and value is None:
        return "tools: all of the server's"
    if name in _NAMES_ONLY:
        return f"{name}: {listed(sorted(named(str(key)) for key in _set(value)))}"
    return f"{name}: {cited(value)}"


def _set(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
