"""Tools for talking: send, recv, set_status."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from broker import delivery, hub, standing
from broker.hub import Hub
from broker.leases import Leased
from broker.models import MAX_ADDRESS
from broker.refusals import ToolError
from broker.senders import Sender
from broker.storing import MAX_KEY, Outgoing, Sent
from broker.tools import Identity, Quick
from broker.tools import register as register_tool

MAX_WAIT, MAX_BATCH, MAX_STATUS = 180, 32, 200
MAX_TTL = 30 * 24 * 3600

SEND = {
    "description": (
        "Send a message to another agent by its name, to 'manager', to 'operator' (the person who runs the hive), or "
        "to '*' (every other agent). Returns its id once it is stored; it reaches the recipient even if that is not "
        "running now. To answer a message, send to its sender with in_reply_to set to its id."
    ),
    "required": ["to", "body"],
    "properties": {
        "to": {"type": "string", "minLength": 1, "maxLength": MAX_ADDRESS, "description": "Who gets it."},
        "body": {"type": "string", "minLength": 1, "description": "The text, at most 256 KiB."},
        "in_reply_to": {"type": "integer", "minimum": 1, "nullable": True, "description": "Id of what you answer."},
        "idempotency_key": {
            "type": "string",
            "maxLength": MAX_KEY,
            "description": "Sending again with the same key returns the first message instead of a second one.",
        },
        "priority": {
            "type": "string",
            "enum": ["normal", "urgent"],
            "default": "normal",
            "description": "An urgent message overtakes the others that wait, and never expires.",
        },
        "ttl_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_TTL,
            "nullable": True,
            "description": "Tell me instead when it could not be delivered by then.",
        },
    },
}
RECV = {
    "description": (
        "Take further messages that arrived for you during this turn; the message that began the turn is in your "
        "prompt already. Waits up to wait_seconds when there is none. What you take counts as read when your turn "
        "ends. With peek they are only shown and stay for a later turn. Returns a JSON list, empty when none came."
    ),
    "properties": {
        "wait_seconds": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "default": 0},
        "max": {"type": "integer", "minimum": 1, "maximum": MAX_BATCH, "default": MAX_BATCH},
        "peek": {"type": "boolean", "default": False},
    },
}
SET_STATUS = {
    "description": (
        "Show the operator in a few words what you are doing, at most 200 characters, on one line. "
        "An empty text clears it."
    ),
    "required": ["text"],
    "properties": {"text": {"type": "string", "maxLength": MAX_STATUS}},
}


def register() -> None:
    register_tool("send", SEND, send, quick=Quick(outgoing, shown))
    register_tool("recv", RECV, recv)
    register_tool("set_status", SET_STATUS, set_status)


async def send(identity: Identity, args: dict[str, Any]) -> object:
    return shown(await hub.current().send(outgoing(identity, args)))


def outgoing(identity: Identity, args: dict[str, Any]) -> Outgoing:
    return Outgoing(
        Sender.agent(identity.agent),
        args["to"],
        args["body"],
        args.get("in_reply_to"),
        args.get("idempotency_key", ""),
        urgent=args["priority"] == "urgent",
        ttl_seconds=args.get("ttl_seconds"),
    )


def shown(sent: Sent) -> object:
    answer: dict[str, object] = {"id": sent.id, "to": list(sent.to)}
    if sent.refused:
        answer["not_allowed"] = list(sent.refused)
    if sent.repeated:
        answer["repeated"] = True
    return answer


async def recv(identity: Identity, args: dict[str, Any]) -> object:
    here, clock = hub.current(), asyncio.get_running_loop().time
    deadline = clock() + args["wait_seconds"]
    take = partial(_peek if args["peek"] else _take, here, identity, args["max"])
    with here.receiving(identity.agent) as arrived:
        while True:
            arrived.clear()
            messages = await take()
            if messages or clock() >= deadline:
                return [_shown(message) for message in messages]
            try:
                async with asyncio.timeout_at(deadline):
                    await arrived.wait()
            except TimeoutError:
                return []


async def set_status(identity: Identity, args: dict[str, Any]) -> object:
    text = " ".join(args["text"].split())
    await hub.current().do(partial(standing.status_set, identity.agent, text))
    return "Status cleared." if not text else "Status set."


async def _peek(here: Hub, identity: Identity, most: int) -> list[Leased]:
    return await here.do(partial(delivery.peek, identity.agent, most))


async def _take(here: Hub, identity: Identity, most: int) -> list[Leased]:
    """Lease into the running turn. Whoever stops waiting while it is written gives the messages back."""
    session = here.session(identity.agent)
    if session is None or session.turn is None:
        raise ToolError("recv: no turn of yours is running, so there is nothing to take messages into")
    lease = partial(delivery.lease, identity.agent, session.id, most, turn=session.turn, pushed=False)
    writing = here.future(lease)
    try:
        messages = cast(list[Leased], await asyncio.shield(writing))
    except asyncio.CancelledError:
        writing.add_done_callback(partial(_return_all, here, identity.agent, session.id))
        raise
    identity.handed.extend((session.id, message.id) for message in messages)
    return messages


def _return_all(here: Hub, agent: str, session: str, writing: asyncio.Future[object]) -> None:
    if writing.cancelled() or writing.exception() is not None:
        return
    give_back(here, agent, [(session, message.id) for message in cast(list[Leased], writing.result())])


def give_back(here: Hub, agent: str, handed: list[tuple[str, int]]) -> None:
    """Nobody read these: back to the front of the queue, as if they had never been taken."""
    for session, message in handed:
        here.submit(partial(delivery.hand_back, agent, session, [message]), lambda _result: None, agent)


def _shown(message: Leased) -> dict[str, object]:
    return {
        "id": message.id,
        "sender": message.sender,
        "provenance": message.provenance,
        "kind": message.kind,
        "body": message.body,
        "created_at": message.created_at,
        "in_reply_to": message.in_reply_to,
        "redelivered": message.redelivered,
        "urgent": message.urgent,
    }
