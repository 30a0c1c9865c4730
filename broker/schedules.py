"""Scheduled prompts: what an agent is told again and again. One is made when its approval is carried out.

The next firing is kept in the row and moved on before the prompt is sent, in the same transaction. It is counted
from now, so that after a downtime exactly one firing catches up, however many were missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from agents import feed
from agents.models import Agent
from broker import sql
from broker.models import Schedule
from broker.refusals import Refused
from broker.senders import Sender
from broker.sending import SendRefused, send
from broker.storing import Outgoing

MAX_PROMPT = 20_000
MAX_CRON = 100
SHORTEST, LONGEST = 60, 366 * 24 * 3600
MAX_ACTIVE = 20
State = Schedule.State
_SCHEDULES, _AGENTS = Schedule._meta.db_table, Agent._meta.db_table
_DUE = (
    f" FROM {_SCHEDULES} s JOIN {_AGENTS} a ON a.name = s.agent"
    " WHERE s.state = 'active' AND a.lifecycle = 'live' AND a.deployment_id IS NOT NULL"
)


class ScheduleRefused(Refused):
    """The schedule makes no sense; the text says why."""


@dataclass(frozen=True)
class Plan:
    """What is to be told, and when: every so many seconds, or by a cron line in UTC. Raises `ScheduleRefused`."""

    agent: str
    prompt: str
    every: int | None = None
    cron: str = ""

    def __post_init__(self) -> None:
        if len(self.prompt) > MAX_PROMPT:
            raise ScheduleRefused(f"the prompt has more than {MAX_PROMPT} characters")
        try:
            Outgoing(Sender.system(), self.agent, self.prompt)
        except SendRefused as refusal:
            raise ScheduleRefused(str(refusal)) from refusal
        if (self.every is None) == (not self.cron):
            raise ScheduleRefused("give either seconds between firings or a cron line")
        if self.every is not None and not SHORTEST <= self.every <= LONGEST:
            raise ScheduleRefused(f"the seconds between firings are {SHORTEST} to {LONGEST}")
        self.after(timezone.now())

    def after(self, now: datetime) -> datetime:
        """The first firing after `now`."""
        if self.every is not None:
            return now + timedelta(seconds=self.every)
        if len(self.cron) > MAX_CRON or len(self.cron.split()) != 5:
            raise ScheduleRefused("a cron line has five fields: minute, hour, day, month, weekday")
        try:
            return next(CronSim(self.cron, now.astimezone(UTC)))
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "it never comes true"
            raise ScheduleRefused(f"the cron line {self.cron!r} makes no sense: {reason}") from error

    @property
    def timing(self) -> str:
        """When, in words."""
        return f"every {self.every} seconds" if self.every is not None else f"at '{self.cron}' (UTC)"


def plan_of(schedule: Schedule) -> Plan:
    return Plan(schedule.agent, schedule.prompt, schedule.every, schedule.cron)


def active() -> QuerySet[Schedule]:
    """Every schedule that goes on, the next to fire first."""
    return Schedule.objects.filter(state=State.ACTIVE)


def refuse_too_many(agent: str) -> None:
    """Raises `ScheduleRefused` when the agent cannot be given another."""
    if active().filter(agent=agent).count() >= MAX_ACTIVE:
        raise ScheduleRefused(f"{agent} has {MAX_ACTIVE} schedules: cancel one first")


def create(plan: Plan, *, approval_id: int, requested_by: str) -> Schedule:
    """Begin a schedule that was approved; called again for the same approval it changes nothing."""
    with transaction.atomic():
        known = Schedule.objects.filter(approval_id=approval_id).first()
        if known is not None:
            return known
        refuse_too_many(plan.agent)
        schedule = Schedule.objects.create(
            agent=plan.agent,
            prompt=plan.prompt,
            every=plan.every,
            cron=plan.cron,
            approval_id=approval_id,
            requested_by=requested_by,
            next_at=plan.after(timezone.now()),
        )
        feed.publish("schedules", schedule.pk)
    return schedule


def edit(schedule: Schedule, plan: Plan) -> Schedule:
    """Change prompt or timing; the next firing is counted anew. Raises `ScheduleRefused`."""
    _change(schedule, prompt=plan.prompt, every=plan.every, cron=plan.cron, next_at=plan.after(timezone.now()))
    return Schedule.objects.get(pk=schedule.pk)


def cancel(schedule: Schedule) -> None:
    """End it. Raises `ScheduleRefused` when it has ended already."""
    _change(schedule, state=State.CANCELLED)


def fire_now(schedule: Schedule) -> int:
    """Send the prompt once, beside its schedule. Returns the message's id. Raises `ScheduleRefused`, `SendRefused`."""
    with transaction.atomic():
        _change(schedule, last_at=timezone.now(), fired=F("fired") + 1)
        return _send(schedule)


def next_due() -> datetime | None:
    """When the next schedule of an agent that can be told is due."""
    found = sql.row(f"SELECT min(s.next_at){_DUE}")
    return sql.time(found[0]) if found else None


def fire_due(now: datetime) -> int:
    """Fire what is due, each in a transaction of its own. Returns how many there were."""
    found = sql.rows(f"SELECT s.id{_DUE} AND s.next_at <= %s ORDER BY s.next_at, s.id LIMIT 200", sql.moment(now))
    due = list(Schedule.objects.filter(pk__in=[ident for (ident,) in found]))
    for schedule in due:
        _fire(schedule, now)
    return len(due)


def agent_gone(name: str) -> None:
    """Everything of this agent was removed."""
    for schedule in active().filter(agent=name):
        cancel(schedule)


def _fire(schedule: Schedule, now: datetime) -> None:
    with transaction.atomic():
        claimed = active().filter(pk=schedule.pk, next_at=schedule.next_at).update(
            next_at=plan_of(schedule).after(now), last_at=now, fired=F("fired") + 1
        )  # fmt: skip
        if not claimed:
            return
        feed.publish("schedules", schedule.pk)
        try:
            _send(schedule)
        except SendRefused:  # it lost its container just now: caught up with when it has one again
            transaction.set_rollback(True)


def _send(schedule: Schedule) -> int:
    return send(Sender.system(), schedule.agent, schedule.prompt, kind="scheduled_prompt").id


def _change(schedule: Schedule, **fields: object) -> None:
    with transaction.atomic():
        if not active().filter(pk=schedule.pk).update(**fields):
            raise ScheduleRefused(f"schedule {schedule.pk} has ended already")
        feed.publish("schedules", schedule.pk)
