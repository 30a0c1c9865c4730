"""Messages as they pass, of everyone."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from broker import search
from broker.models import Delivery, Message


def recent(limit: int) -> QuerySet[Message]:
    """The newest messages with their deliveries, newest first."""
    return Message.objects.order_by("-id").prefetch_related("deliveries")[:limit]


def find(text: str, *, party: str | None = None, before: int | None = None, limit: int = 40) -> list[Message]:
    """Messages with these words, or all where there are none; of or to `party`; newest first.

    Raises `QueryRefused`.
    """
    rows = Message.objects.order_by("-id").prefetch_related("deliveries")
    if text.strip():
        query = search.Query(search.parse(text), party, before, limit)
        return list(rows.filter(pk__in=search.ids(query)))
    if party is not None:
        received = Delivery.objects.filter(recipient=party).values("message_id")
        rows = rows.filter(Q(sender=party) | Q(pk__in=received))
    return list(rows.filter(pk__lt=before)[:limit] if before is not None else rows[:limit])
