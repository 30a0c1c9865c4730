"""Reminders: what an agent wants to be told later, by itself. They outlive every process and every downtime."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Agent
from broker import sql
from broker.models import Reminder
from broker.refusals import Refused
from broker.senders import Sender
from broker.sending import SendRefused, send
from broker.storing import Outgoing

MAX_PENDING = 50
MAX_TEXT = 20_000
MAX_DELAY = 366 * 24 * 3600
State = Reminder.State
_REMINDERS, _AGENTS = Reminder._meta.db_table, Agent._meta.db_table
_DUE = (
    f" FROM {_REMINDERS} r JOIN {_AGENTS} a ON a.name = r.agent"
    " WHERE r.state = 'pending' AND a.lifecycle = 'live' AND a.deployment_id IS NOT NULL"
)


class ReminderRefused(Refused):
    """The reminder cannot be kept; the text says why."""


def pending(agent: str) -> QuerySet[Reminder]:
    """What the agent still waits for, the next first."""
    return Reminder.objects.filter(agent=agent, state=State.PENDING)


def remind(agent: str, text: str, *, delay_seconds: int | None = None, at: datetime | None = None) -> Reminder:
    """Keep `text` for the agent until then. Either a delay or a time. Raises `ReminderRefused`, `SendRefused`."""
    now = timezone.now()
    due = _due(now, delay_seconds, at)
    Outgoing(Sender.agent(agent), agent, text)  # what could not be sent then is refused now
    if len(text) > MAX_TEXT:
        raise ReminderRefused(f"the message has more than {MAX_TEXT} characters")
    if pending(agent).count() >= MAX_PENDING:
        raise ReminderRefused(f"{MAX_PENDING} reminders of yours are pending: cancel some with cancel_loose_end")
    return Reminder.objects.create(agent=agent, text=text, due_at=due)


def cancel(agent: str, reminder: int) -> bool:
    """False when the agent has no such pending reminder."""
    return bool(pending(agent).filter(pk=reminder).update(state=State.CANCELLED, ended_at=timezone.now()))


def next_due() -> datetime | None:
    """When the next reminder of an agent that can be told is due."""
    found = sql.row(f"SELECT min(r.due_at){_DUE}")
    return sql.time(found[0]) if found else None


def fire(now: datetime) -> int:
    """Send what is due, each in a transaction of its own. Returns how many there were."""
    found = sql.rows(f"SELECT r.id{_DUE} AND r.due_at <= %s ORDER BY r.due_at, r.id LIMIT 200", sql.moment(now))
    due = list(Reminder.objects.filter(pk__in=[ident for (ident,) in found]))
    for reminder in due:
        _fire(reminder)
    return len(due)


def agent_gone(name: str) -> None:
    """Everything of this agent was removed."""
    pending(name).update(state=State.CANCELLED, ended_at=timezone.now())


def _fire(reminder: Reminder) -> None:
    with transaction.atomic():
        rows = Reminder.objects.filter(pk=reminder.pk, state=State.PENDING)
        if not rows.update(state=State.FIRED, ended_at=timezone.now()):
            return
        try:
            send(Sender.agent(reminder.agent), reminder.agent, reminder.text, kind="reminder")
        except SendRefused:  # it lost its container just now: told when it has one again
            transaction.set_rollback(True)


def _due(now: datetime, delay_seconds: int | None, at: datetime | None) -> datetime:
    if (delay_seconds is None) == (at is None):
        raise ReminderRefused("give either delay_seconds or at")
    if delay_seconds is not None:
        return now + timedelta(seconds=delay_seconds)
    if at is None or at.tzinfo is None:
        raise ReminderRefused("at needs a time zone, such as 2030-01-31T09:00:00Z")
    if at <= now:
        raise ReminderRefused(f"at is in the past: it is {now:%Y-%m-%dT%H:%M:%SZ} now")
    if at > now + timedelta(seconds=MAX_DELAY):
        raise ReminderRefused("at is more than a year away")
    return at
