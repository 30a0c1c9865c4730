"""Tools for looking: get_agent_meta, search_messages."""

from __future__ import annotations

from typing import Any

from agents import naming
from agents.models import Agent
from broker import inbox, search
from broker.models import Message
from broker.refusals import ToolError
from broker.threads import in_thread
from broker.tools import Identity
from broker.tools import register as register_tool

MAX_FOUND = 50
_SHOWN = 400

GET_AGENT_META = {
    "description": (
        "What the hive knows of an agent, as JSON: whether it runs and is connected, its status, model, driver, "
        "deployed configuration and how many messages wait for it. Without a name it is about yourself, with your "
        "allowed recipients."
    ),
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 40}},
}
SEARCH_MESSAGES = {
    "description": (
        'Search the messages that you sent or were sent, newest first. All words must be there; "a phrase" is '
        "quoted, begin* matches a beginning. Returns a JSON list; for older ones search again with before set to "
        "the last id."
    ),
    "required": ["query"],
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": search.MAX_QUERY},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_FOUND, "default": 10},
        "before": {"type": "integer", "minimum": 1, "nullable": True},
    },
}


def register() -> None:
    register_tool("get_agent_meta", GET_AGENT_META, get_agent_meta)
    register_tool("search_messages", SEARCH_MESSAGES, search_messages)


async def get_agent_meta(identity: Identity, args: dict[str, Any]) -> object:
    name = naming.resolve_alias(args.get("name") or identity.agent)
    return await in_thread(_meta, name, own=name == identity.agent)


async def search_messages(identity: Identity, args: dict[str, Any]) -> object:
    query = search.Query(search.parse(args["query"]), identity.agent, args.get("before"), args["limit"])
    return await in_thread(_found, query)


def _meta(name: str, *, own: bool) -> dict[str, object]:
    known = Agent.objects.exclude(lifecycle=Agent.Lifecycle.GONE).select_related("deployment")
    agent = known.filter(name=name).first()
    if agent is None:
        raise ToolError(f"get_agent_meta: there is no agent {name!r}; list_containers shows who is there")
    deployment = agent.deployment
    options = deployment.options if deployment else {}
    meta: dict[str, object] = {
        "name": agent.name,
        "is_manager": agent.is_manager,
        "container": agent.container,
        "lifecycle": agent.lifecycle,
        "running": agent.running,
        "connected": agent.connected,
        "working": agent.busy_since is not None,
        "paused": agent.paused,
        "needs_login": agent.needs_login,
        "status": agent.status_text,
        "status_set_at": agent.status_set_at.isoformat() if agent.status_set_at else None,
        "last_turn_at": agent.last_turn_at.isoformat() if agent.last_turn_at else None,
        "driver": options.get("driver"),
        "model": agent.active_model or options.get("model"),
        "deployed_tag": deployment.tag if deployment else None,
        "deployed_commit": deployment.commit if deployment else None,
        "web_port": agent.web_port,
        "inbox_depth": inbox.depths().get(agent.name, 0),
    }
    return meta | ({"allowed_recipients": options.get("allowedRecipients")} if own else {})


def _found(query: search.Query) -> list[dict[str, object]]:
    found = Message.objects.in_bulk(search.ids(query))
    return [_shown(found[ident]) for ident in sorted(found, reverse=True)]


def _shown(message: Message) -> dict[str, object]:
    return {
        "id": message.pk,
        "sender": message.sender,
        "provenance": message.provenance,
        "to": message.to,
        "kind": message.kind,
        "created_at": message.created_at.isoformat(),
        "in_reply_to": message.in_reply_to,
        "body": message.body[:_SHOWN],
        "cut": len(message.body) > _SHOWN,
    }
