"""Single-use tickets that open a screen: a page asks for one with its session, the websocket shows it.

A websocket carries cookies from any page that a browser shows; a ticket only a page of the hive can have asked for.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Agent, ScreenTicket
from agents.tokens import digest

LIFETIME = timedelta(seconds=30)
_KEEP = timedelta(hours=1)


def issue(agent: Agent, user: User, viewer: str, *, recorded: bool = False) -> str:
    """A token for one connection of `user` to the screen of `agent` within 30 s. Old ones are forgotten."""
    now = timezone.now()
    ScreenTicket.objects.filter(expires_at__lt=now - _KEEP).delete()
    token = secrets.token_urlsafe(32)
    ScreenTicket.objects.create(
        agent=agent,
        user=user,
        viewer=viewer,
        recorded=recorded,
        token_hash=digest(token),
        expires_at=now + LIFETIME,
    )
    return token


def spend(token: str, agent: Agent, user: User) -> ScreenTicket | None:
    """The ticket, once; None when it was spent, has expired, is another's or another agent's, or never was."""
    now = timezone.now()
    good = ScreenTicket.objects.filter(
        token_hash=digest(token), agent=agent, user=user, spent_at=None, expires_at__gt=now
    )
    if not good.update(spent_at=now):
        return None
    return ScreenTicket.objects.get(token_hash=digest(token))
