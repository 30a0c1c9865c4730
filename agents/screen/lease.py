"""The control lease: one page drives an agent's screen, the others watch.

It is renewed while its page is connected and used, outlives a lost connection by a few seconds, and is bound to one
page of one user, so that a second tab does not drive by accident. Every function is one compare-and-set; callers hold
the transaction in which they also audit and publish.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.models import Agent, ScreenLease

LENGTH = timedelta(seconds=30)
GRACE = timedelta(seconds=10)
"""How long it is kept for a page that lost its connection."""


def holder(agent: Agent) -> ScreenLease | None:
    """Who drives now."""
    return ScreenLease.objects.select_related("user").filter(agent=agent, expires_at__gt=timezone.now()).first()


def expired(agent: Agent) -> ScreenLease | None:
    """A lease that ran out and that nobody has cleared away."""
    return ScreenLease.objects.select_related("user").filter(agent=agent, expires_at__lte=timezone.now()).first()


def take(agent: Agent, user: User, viewer: str) -> bool:
    """False when another page holds it."""
    now = timezone.now()
    fields = {"user": user, "viewer": viewer, "expires_at": now + LENGTH}
    lease, made = ScreenLease.objects.get_or_create(agent=agent, defaults={**fields, "taken_at": now})
    if made:
        return True
    free = Q(expires_at__lte=now) | Q(user=user, viewer=viewer)
    return ScreenLease.objects.filter(free, pk=lease.pk).update(**fields, taken_at=now) > 0


def renew(agent: Agent, user: User, viewer: str, length: timedelta = LENGTH) -> bool:
    """Let a lease that still stands last `length` from now. False when it is over."""
    now = timezone.now()
    return _own(agent, user, viewer).filter(expires_at__gt=now).update(expires_at=now + length) > 0


def release(agent: Agent, user: User, viewer: str) -> bool:
    """Give it back. False when this page has none."""
    return _own(agent, user, viewer).delete()[0] > 0


def clear(lease: ScreenLease) -> bool:
    """Remove a lease that has run out, unless it was renewed meanwhile."""
    return ScreenLease.objects.filter(pk=lease.pk, expires_at__lte=timezone.now()).delete()[0] > 0


def _own(agent: Agent, user: User, viewer: str) -> QuerySet[ScreenLease]:
    return ScreenLease.objects.filter(agent=agent, user=user, viewer=viewer)
