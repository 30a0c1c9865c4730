"""Verbs about scheduled prompts."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from approvals.models import Approval
from broker import schedules as broker_schedules
from broker.models import Schedule
from broker.schedules import Plan
from hiveproject import schedules
from hiveproject.hivectl.answers import Answer, table
from hiveproject.hivectl.verbs.agents import OPERATOR, NotThere, existing


def list_schedules(_: argparse.Namespace) -> Answer:
    rows = [_row(schedule) for schedule in broker_schedules.active()]
    shown = [
        (row["id"], row["agent"], row["when"], row["next_at"][:16].replace("T", " "), row["prompt"]) for row in rows
    ]
    return Answer(rows, table(("ID", "AGENT", "WHEN", "NEXT", "PROMPT"), shown, "No prompt is scheduled."))


def schedule(options: argparse.Namespace) -> Answer:
    """add, edit, fire, cancel"""
    return {"add": _add, "edit": _edit, "fire": _fire, "cancel": _cancel}[options.what](options)


def _add(options: argparse.Namespace) -> Answer:
    plan = Plan(existing(options.name).name, _text(options.prompt), options.every, options.cron)
    approval = schedules.request(plan, actor=OPERATOR, description="Asked for by hivectl.")
    return Answer(_asked(approval), f"{plan.agent} is told {plan.timing} as soon as the worker has taken it up.")


def _edit(options: argparse.Namespace) -> Answer:
    """What is not given stays; another timing takes the place of the one before."""
    known = _existing(options.id)
    prompt = known.prompt if options.prompt is None else _text(options.prompt)
    same = options.every is None and not options.cron
    every, cron = (known.every, known.cron) if same else (options.every, options.cron)
    changed = schedules.edit(known, prompt=prompt, every=every, cron=cron, actor=OPERATOR)
    return Answer(_row(changed), f"Schedule {changed.pk} fires next at {changed.next_at:%Y-%m-%d %H:%M:%S} UTC.")


def _fire(options: argparse.Namespace) -> Answer:
    message = schedules.fire_now(_existing(options.id), actor=OPERATOR)
    return Answer({"id": options.id, "message": message}, f"Message {message} is sent.")


def _cancel(options: argparse.Namespace) -> Answer:
    schedules.cancel(_existing(options.id), actor=OPERATOR)
    return Answer({"id": options.id, "state": "cancelled"}, f"Schedule {options.id} has ended.")


def _existing(number: int) -> Schedule:
    found = Schedule.objects.filter(pk=number).first()
    if found is None:
        raise NotThere(f"there is no schedule {number}")
    return found


def _text(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _row(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.pk,
        "agent": schedule.agent,
        "prompt": schedule.prompt,
        "every": schedule.every,
        "cron": schedule.cron or None,
        "when": broker_schedules.plan_of(schedule).timing,
        "state": schedule.state,
        "next_at": schedule.next_at.isoformat(),
        "last_at": schedule.last_at.isoformat() if schedule.last_at else None,
        "fired": schedule.fired,
        "approval": schedule.approval_id,
        "requested_by": schedule.requested_by,
    }


def _asked(approval: Approval) -> dict[str, Any]:
    return {"approval": approval.pk, "agent": approval.agent.name, "status": approval.status}
