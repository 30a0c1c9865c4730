"""Tools for what is still to come: remind, get_loose_ends, cancel_loose_end."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from broker import hub, loose_ends, reminders
from broker.refusals import ToolError
from broker.threads import in_thread
from broker.tools import Identity
from broker.tools import register as register_tool

REMIND = {
    "description": (
        "Send yourself a message later; it wakes you even if you are idle then, and is kept when anything restarts. "
        "Give either delay_seconds or at. Returns its id and time as JSON; cancel it with cancel_loose_end."
    ),
    "required": ["message"],
    "properties": {
        "message": {"type": "string", "minLength": 1, "maxLength": reminders.MAX_TEXT},
        "delay_seconds": {"type": "integer", "minimum": 1, "maximum": reminders.MAX_DELAY},
        "at": {"type": "string", "maxLength": 40, "description": "ISO 8601 with a zone: 2030-01-31T09:00:00Z."},
    },
}
GET_LOOSE_ENDS = {
    "description": (
        "List what you have begun and not finished, as JSON: questions you wait for (question) or have to answer "
        "(to_answer), reminders, schedules, approvals you asked for."
    ),
}
CANCEL_LOOSE_END = {
    "description": "Take back one of your loose ends: kind and id as get_loose_ends shows them.",
    "required": ["kind", "id"],
    "properties": {"kind": {"type": "string", "maxLength": 40}, "id": {"type": "integer", "minimum": 1}},
}


def register() -> None:
    register_tool("remind", REMIND, remind)
    register_tool("get_loose_ends", GET_LOOSE_ENDS, get_loose_ends)
    register_tool("cancel_loose_end", CANCEL_LOOSE_END, cancel_loose_end)


async def remind(identity: Identity, args: dict[str, Any]) -> object:
    keep = partial(
        reminders.remind,
        identity.agent,
        args["message"],
        delay_seconds=args.get("delay_seconds"),
        at=_time(args.get("at")),
    )
    reminder = await hub.current().do(keep)
    return {"reminder": reminder.pk, "at": reminder.due_at.isoformat()}


async def get_loose_ends(identity: Identity, args: dict[str, Any]) -> object:  # noqa: ARG001
    return [end.as_json() for end in await in_thread(loose_ends.of, identity.agent)]


async def cancel_loose_end(identity: Identity, args: dict[str, Any]) -> object:
    await hub.current().do(partial(loose_ends.cancel, identity.agent, args["kind"], args["id"]))
    return f"{args['kind']} {args['id']} is cancelled."


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"remind: 'at' must be ISO 8601, such as 2030-01-31T09:00:00Z, not {text!r}") from error
