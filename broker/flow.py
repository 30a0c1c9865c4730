"""Messages as they pass, of everyone."""

from __future__ import annotations

from django.db.models import QuerySet

from broker.models import Message


def recent(limit: int) -> QuerySet[Message]:
    """The newest messages with their deliveries, newest first."""
    return Message.objects.order_by("-id").prefetch_related("deliveries")[:limit]
