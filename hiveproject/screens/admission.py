"""Who gets in: the session and its user, the permission, the ticket; looked at again while the screen is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from django.contrib.auth.models import User
from django.utils import timezone

from agents import tickets
from agents.models import Agent, ScreenLease
from hiveproject import live
from hiveproject.screens import control


@dataclass(frozen=True)
class Admission:
    """One page of one user, let in to one agent's screen."""

    agent: Agent
    user: User
    viewer: str
    recorded: bool


@dataclass(frozen=True)
class Standing:
    """What an open session may do now; `driving` is how long it may act on the desktop without being asked again."""

    watches: bool
    driving: timedelta


def admit(scope: Mapping[str, Any], name: str) -> Admission | None:
    """Spends the ticket in the query. None: no session, no permission, no such agent, no good ticket. Blocks."""
    user = live.user_of(scope)
    token = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
    agent = Agent.objects.exclude(lifecycle=Agent.Lifecycle.GONE).filter(name=name).first()
    if user is None or agent is None or not control.may_watch(user):
        return None
    ticket = tickets.spend(token, agent, user)
    return Admission(agent, user, ticket.viewer, ticket.recorded) if ticket is not None else None


def standing(scope: Mapping[str, Any], admitted: Admission, *, used: bool) -> Standing:
    """Look again, and renew the lease of who drives and has `used` it lately. Blocks."""
    user = live.user_of(scope)
    watches = user is not None and user.pk == admitted.user.pk and control.may_watch(user)
    if user is None or not watches or not control.may_drive(user):
        control.hand_back(admitted.agent, user=admitted.user, viewer=admitted.viewer)
        return Standing(watches=watches, driving=timedelta(0))
    if used:
        control.keep(admitted.agent, user=user, viewer=admitted.viewer)
    return Standing(watches=True, driving=_left(admitted))


def _left(admitted: Admission) -> timedelta:
    """How long this page's lease lasts; whoever's it is, one that has run out is cleared away."""
    held = ScreenLease.objects.filter(agent=admitted.agent).first()
    left = held.expires_at - timezone.now() if held else timedelta(0)
    if held is None or left <= timedelta(0):
        if held is not None:
            control.settle(admitted.agent)
        return timedelta(0)
    mine = held.user_id == admitted.user.pk and held.viewer == admitted.viewer
    return left if mine else timedelta(0)
