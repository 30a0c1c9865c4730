"""Tokens of things outside the hive: each writes to one agent, as `external:LABEL`, so many times a minute.

A token is `wake-ID-SECRET`: the id finds the row, the secret is kept hashed and compared in constant time.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents import feed, tokens
from broker.models import WakeToken
from broker.refusals import Refused
from broker.senders import Sender
from broker.sending import Sent, send

MAX_BODY = 64 * 1024
MAX_KEY = 100
PER_MINUTE = 60
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,29}\Z")
_TOKEN = re.compile(r"wake-([0-9]{1,18})-([A-Za-z0-9_-]{43})\Z")


class TokenRefused(Refused):
    """The token cannot be made; the text says why."""


class TooOften(Refused):
    """The token was used too often; `seconds` is how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"at most {PER_MINUTE} messages a minute: try again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Made:
    """A new token; `secret` is shown once and kept nowhere."""

    row: WakeToken
    secret: str


def valid() -> QuerySet[WakeToken]:
    """Tokens that can be used."""
    return WakeToken.objects.filter(revoked_at__isnull=True)


def make(agent: str, label: str, *, made_by: str) -> Made:
    """A token for this agent. Raises `TokenRefused`."""
    if not _LABEL.match(label):
        raise TokenRefused("a label has 1 to 30 characters of a-z, 0-9 and '-'")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        if valid().filter(agent=agent, label=label).exists():
            raise TokenRefused(f"{agent} has a token labelled {label!r}: choose another label, or revoke that first")
        row = WakeToken.objects.create(agent=agent, label=label, token_hash=tokens.digest(secret), made_by=made_by)
        feed.publish("wake-tokens", row.pk)
    return Made(row, f"wake-{row.pk}-{secret}")


def revoke(token: int) -> WakeToken | None:
    """Worth nothing from now on. None where there is no such token, or it was revoked before."""
    if not valid().filter(pk=token).update(revoked_at=timezone.now()):
        return None
    return WakeToken.objects.get(pk=token)


def holder(agent: str, token: str) -> WakeToken | None:
    """The row of a token that is worth something, and for this agent."""
    form = _TOKEN.match(token)
    row = valid().filter(pk=int(form[1])).first() if form else None
    known = row.token_hash if row is not None else tokens.digest("nobody's")
    same = secrets.compare_digest(known, tokens.digest(form[2] if form else ""))
    return row if same and row is not None and row.agent == agent else None


def wake(token: WakeToken, body: str, *, idempotency_key: str = "") -> Sent:
    """Send the agent a message from outside. Raises `TooOften`, `SendRefused`.

    A key is the token's own: two tokens never take each other's messages for their own.
    """
    with transaction.atomic():
        _count(token)
        key = f"{token.pk}:{idempotency_key}" if idempotency_key else ""
        return send(Sender.external(token.label), token.agent, body, idempotency_key=key)


def agent_gone(name: str) -> None:
    """Everything of this agent was removed: another one of its name is not meant."""
    valid().filter(agent=name).update(revoked_at=timezone.now())


def _count(token: WakeToken) -> None:
    """In the row, so that it holds for all processes together; a refused message is not counted."""
    minute, second = divmod(int(time.time()), 60)
    row = WakeToken.objects.select_for_update().get(pk=token.pk)
    uses = row.uses if row.minute == minute else 0
    if uses >= PER_MINUTE:
        raise TooOften(60 - second)
    WakeToken.objects.filter(pk=token.pk).update(minute=minute, uses=uses + 1, used_at=timezone.now())
