"""What another policy would have done: which messages of the last days it would have refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from agents import naming
from agents.models import Agent
from broker.models import Delivery, Message
from broker.policy import OPERATOR
from broker.refusals import Refused

DAYS = 7
MAX_SHOWN = 200
_OPENING = 200


class CheckRefused(Refused):
    """The check makes no sense; the text says why."""


@dataclass(frozen=True)
class Hit:
    """A message that would not have reached this recipient."""

    id: int
    recipient: str
    created_at: datetime
    opening: str


@dataclass(frozen=True)
class Outcome:
    """`allowed` is None where everybody may be written to. `sent` counts deliveries; `hits` are the newest first.

    Messages that the policy of their day refused are not among them: they were never stored.
    """

    agent: str
    allowed: tuple[str, ...] | None
    unknown: tuple[str, ...]
    sent: int
    refused: int
    hits: tuple[Hit, ...]


def parse(text: str) -> tuple[str, ...] | None:
    """`a,b` as names, `*` as everybody, an empty text as nobody. Raises `CheckRefused`."""
    if text.strip() == "*":
        return None
    names = [naming.resolve_alias(name.strip()) for name in text.split(",") if name.strip()]
    for name in names:
        if name == OPERATOR:
            continue
        try:
            naming.agent_name(name)
        except naming.NameRefused as refusal:
            raise CheckRefused(str(refusal)) from refusal
    return tuple(dict.fromkeys(names))


def check(agent: str, allowed: Sequence[str] | None, *, days: int = DAYS) -> Outcome:
    """Hold what the agent sent in the last days against `allowed`. Raises `CheckRefused` for the manager."""
    if naming.is_manager(agent):
        raise CheckRefused("the manager may write to everybody: no policy binds it")
    since = timezone.now() - timedelta(days=days)
    sent = Delivery.objects.filter(
        message__provenance=Message.Provenance.AGENT, message__sender=agent, message__created_at__gte=since
    ).exclude(recipient=agent)
    refused = sent.exclude(recipient__in=allowed) if allowed is not None else sent.none()
    newest = refused.select_related("message").order_by("-message_id", "recipient")[:MAX_SHOWN]
    hits = tuple(map(_hit, newest))
    known = {OPERATOR, *Agent.objects.exclude(lifecycle=Agent.Lifecycle.GONE).values_list("name", flat=True)}
    unknown = tuple(name for name in allowed or () if name not in known)
    names = tuple(allowed) if allowed is not None else None
    return Outcome(agent, names, unknown, sent.count(), refused.count(), hits)


def _hit(delivery: Delivery) -> Hit:
    message = delivery.message
    opening = message.body.strip().partition("\n")[0][:_OPENING]
    return Hit(message.pk, delivery.recipient, message.created_at, opening)
