"""Tools for looking at the hive: list_containers, get_logs."""

from __future__ import annotations

from typing import Any

from agents import naming
from agents.models import Agent
from broker.refusals import ToolError
from broker.threads import in_thread
from broker.tools import Identity
from broker.tools import register as register_tool

MAX_LINES = 500

LIST_CONTAINERS = {
    "description": (
        "List the agents of this hive as JSON: name, whether its container runs, whether it is connected, "
        "the status it has set, and the tag of the configuration that is deployed."
    ),
}
GET_LOGS = {
    "description": (
        "The last lines of a container's log, oldest first. Without `agent` it is your own; the manager may name any "
        "agent."
    ),
    "properties": {
        "agent": {"type": "string", "maxLength": 40, "description": "An agent's name; leave it out for your own log."},
        "lines": {"type": "integer", "minimum": 1, "maximum": MAX_LINES, "default": 100},
    },
}


def register() -> None:
    register_tool("list_containers", LIST_CONTAINERS, list_containers)
    register_tool("get_logs", GET_LOGS, get_logs)


async def list_containers(identity: Identity, args: dict[str, Any]) -> object:  # noqa: ARG001
    return await in_thread(_rows)


async def get_logs(identity: Identity, args: dict[str, Any]) -> object:
    name = naming.resolve_alias(args.get("agent") or identity.agent)
    if name != identity.agent and not identity.is_manager:
        raise ToolError(f"get_logs: you may read your own log only, not that of {name[:60]!r}")
    return await in_thread(_log, name, args["lines"])


def _rows() -> list[dict[str, object]]:
    agents = Agent.objects.live().select_related("deployment")
    return [
        {
            "name": agent.name,
            "running": agent.running,
            "connected": agent.connected,
            "status": agent.status_text,
            "tag": agent.deployment.tag if agent.deployment else None,
        }
        for agent in agents
    ]


def _log(name: str, lines: int) -> str:
    from agents.backend import containers

    if not Agent.objects.filter(name=name).exclude(lifecycle=Agent.Lifecycle.GONE).exists():
        raise ToolError(f"get_logs: there is no agent {name[:60]!r}")
    return "\n".join(containers().logs(name, lines)) or "The log is empty."
