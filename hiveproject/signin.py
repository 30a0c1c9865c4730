"""Signing in: one-time links, and a brake on guessing passwords."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from agents import actors
from agents.actors import Actor
from approvals import audit
from hiveproject.models import SignInLink

LIFETIME = timedelta(minutes=15)
MAX_ATTEMPTS = 10
_WINDOW_SECONDS = 60


def issue(user: User, *, actor: Actor = actors.SYSTEM) -> str:
    """A token that signs `user` in once within 15 minutes. Links that are over are forgotten."""
    now = timezone.now()
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SignInLink.objects.filter(expires_at__lt=now - LIFETIME).delete()
        SignInLink.objects.create(user=user, token_hash=_digest(token), expires_at=now + LIFETIME)
        audit.record("sign-in link made", actor=actor, note=f"for {user.get_username()}")
    return token


def path(token: str) -> str:
    """Path of the page that spends the token."""
    return reverse("sign-in-link", args=[token])


def is_good(token: str) -> bool:
    """Whether the token could be spent now; asking does not spend it."""
    return _good(token).exists()


def spend(token: str) -> User | None:
    """The token's user, once; None when it was spent, has expired or never was."""
    if not _good(token).update(spent_at=timezone.now()):
        return None
    return SignInLink.objects.select_related("user").get(token_hash=_digest(token)).user


def revoke(user: User) -> None:
    """Make every link of `user` worthless."""
    SignInLink.objects.filter(user=user).delete()


def succeeded(user: User, way: str, address: str) -> None:
    """Keep in the audit log who came in, how and from where."""
    audit.record("signed in", actor=actors.operator(user.get_username()), note=f"{way}, from {address or 'unknown'}")


def failed(name: str, way: str, address: str) -> None:
    """Keep in the audit log who was turned away, and count it for the brake."""
    count_failure(f"name:{name.lower()}", f"address:{address}")
    audit.record("sign-in refused", actor=actors.stranger(name), note=f"{way}, from {address or 'unknown'}")


def is_braked(*marks: str) -> bool:
    """Whether one of these (a user name, an address) has failed ten times within the minute."""
    return any(count >= MAX_ATTEMPTS for count in cache.get_many([_key(mark) for mark in marks]).values())


def count_failure(*marks: str) -> None:
    """Remember a failed attempt of these."""
    for mark in marks:
        if not cache.add(_key(mark), 1, _WINDOW_SECONDS):
            cache.incr(_key(mark))


def _good(token: str) -> QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        token_hash=_digest(token), spent_at=None, expires_at__gt=timezone.now(), user__is_active=True
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _key(mark: str) -> str:
    return f"sign-in:{_digest(mark)}"
