"""The change feed: every change that someone may be waiting for appends a row in the same transaction.

A row carries a topic and an id, never state: readers fetch again, so a lost wake-up costs time, not truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from agents.models import Change

KEEP = timedelta(hours=1)


def publish(topic: str, object_id: object = "") -> None:
    """Append a change. Call it inside the transaction that makes the change."""
    Change.objects.create(topic=topic, object_id=str(object_id))


def latest() -> int:
    """The id of the newest change, 0 when there is none."""
    newest = Change.objects.order_by("-id").values_list("id", flat=True).first()
    return newest or 0


def since(change_id: int) -> Iterator[tuple[int, str, str]]:
    """(id, topic, object id) of every change after `change_id`, oldest first."""
    rows = Change.objects.filter(id__gt=change_id).order_by("id").values_list("id", "topic", "object_id")
    return iter(rows)


def prune() -> int:
    """Delete changes that every reader has seen long ago. Returns how many."""
    deleted, _ = Change.objects.filter(at__lt=timezone.now() - KEEP).delete()
    return deleted
