"""Taking and handing back an agent's mouse and keyboard: each change with its audit row and its event."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction

from agents import actors, feed
from agents.models import Agent, ScreenLease
from agents.screen import lease
from approvals import audit

TOPIC = "screens"
TAKEN, HANDED_BACK, EXPIRED = "screen control taken", "screen control handed back", "screen control expired"


class ControlRefused(Exception):
    """Somebody else drives; the text says who."""


def may_watch(user: User) -> bool:
    return user.is_active and user.has_perm("agents.watch_screen")


def may_drive(user: User) -> bool:
    return may_watch(user) and user.has_perm("agents.drive_screen")


def take(agent: Agent, *, user: User, viewer: str) -> None:
    """Let this page of `user` drive. Taking what it has already changes nothing. Raises `ControlRefused`."""
    with transaction.atomic():
        _clear(agent)
        before = lease.holder(agent)
        if not lease.take(agent, user, viewer):
            who = before.user.get_username() if before else "somebody else"
            raise ControlRefused(f"{who} has the mouse and keyboard now")
        if before is None:
            _tell(TAKEN, agent, user)


def hand_back(agent: Agent, *, user: User, viewer: str) -> bool:
    """False when this page did not drive."""
    with transaction.atomic():
        released = lease.release(agent, user, viewer)
        if released:
            _tell(HANDED_BACK, agent, user)
        return released


def keep(agent: Agent, *, user: User, viewer: str, length: timedelta = lease.LENGTH) -> bool:
    """Let the lease last `length` from now, if it still stands; nobody is told."""
    return lease.renew(agent, user, viewer, length)


def settle(agent: Agent) -> None:
    """Clear away a lease that has run out."""
    with transaction.atomic():
        _clear(agent)


def _clear(agent: Agent) -> None:
    over: ScreenLease | None = lease.expired(agent)
    if over is not None and lease.clear(over):
        _tell(EXPIRED, agent, over.user)


def _tell(action: str, agent: Agent, user: User) -> None:
    audit.record(action, actor=actors.operator(user.get_username()), agent=agent.name)
    feed.publish(TOPIC, agent.pk)
