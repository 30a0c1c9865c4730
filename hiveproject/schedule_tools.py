"""The tool that asks for a scheduled prompt."""

from __future__ import annotations

from functools import partial
from typing import Any

from agents import actors, naming
from agents.naming import NameRefused
from approvals.requests import RequestRefused
from broker import schedules as broker_schedules
from broker import tools
from broker.refusals import ToolError
from broker.schedules import Plan
from broker.threads import in_thread
from broker.tools import Identity
from hiveproject import schedules

SCHEDULE_PROMPT = {
    "description": (
        "Ask the operator to have a prompt sent again and again: to yourself, or as the manager to any agent. Give "
        "either every_seconds or a cron line (minute hour day month weekday, in UTC). Returns the approval's id as "
        "JSON; it begins when the operator has approved. get_loose_ends lists what goes on, cancel_loose_end ends it."
    ),
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "maxLength": broker_schedules.MAX_PROMPT},
        "every_seconds": {
            "type": "integer",
            "minimum": broker_schedules.SHORTEST,
            "maximum": broker_schedules.LONGEST,
            "nullable": True,
        },
        "cron": {"type": "string", "maxLength": broker_schedules.MAX_CRON, "default": ""},
        "agent": {"type": "string", "maxLength": 40, "description": "Whom to tell; leave it out for yourself."},
        "description": {"type": "string", "maxLength": 20_000, "default": "", "description": "Why, for the operator."},
    },
}


def register() -> None:
    tools.register("schedule_prompt", SCHEDULE_PROMPT, schedule_prompt)


async def schedule_prompt(identity: Identity, args: dict[str, Any]) -> object:
    name = naming.resolve_alias(args.get("agent") or identity.agent)
    plan = Plan(name, args["prompt"], args.get("every_seconds"), args["cron"])
    ask = partial(schedules.request, plan, actor=actors.agent(identity.agent), description=args["description"])
    try:
        approval = await in_thread(ask)
    except (RequestRefused, NameRefused) as refusal:
        raise ToolError(str(refusal)) from refusal
    return {"approval": approval.pk, "status": approval.status}
