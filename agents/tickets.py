"""Single-use tickets that open a screen or a terminal: a page asks for one with its session, the websocket shows it.

A websocket carries cookies from any page that a browser shows; a ticket only a page of the hive can have asked for.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Agent, Ticket
from agents.tokens import digest

LIFETIME = timedelta(seconds=30)
_KEEP = timedelta(hours=1)


def issue(
    agent: Agent, user: User, viewer: str = "", *, purpose: str = Ticket.Purpose.SCREEN, recorded: bool = False
) -> str:
    """A token for one connection of `user` to the screen or terminal of `agent` within 30 s. Old ones are forgotten."""
    now = timezone.now()
    Ticket.objects.filter(expires_at__lt=now - _KEEP).delete()
    token = secrets.token_urlsafe(32)
    Ticket.objects.create(
        agent=agent,
        user=user,
        viewer=viewer,
        purpose=purpose,
        recorded=recorded,
        token_hash=digest(token),
        expires_at=now + LIFETIME,
    )
    return token


def spend(token: str, agent: Agent, user: User, purpose: str = Ticket.Purpose.SCREEN) -> Ticket | None:
    """The ticket, once; None when it was spent, has expired, is another's, another agent's, for the other purpose, or
    never was."""
    now = timezone.now()
    good = Ticket.objects.filter(
        token_hash=digest(token), agent=agent, user=user, purpose=purpose, spent_at=None, expires_at__gt=now
    )
    if not good.update(spent_at=now):
        return None
    return Ticket.objects.get(token_hash=digest(token))
