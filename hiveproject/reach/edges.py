"""What is new among the things that need a person: an edge is told once, a level never."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from hiveproject import overview
from hiveproject.models import AttentionEdge, Notice, ReachTarget
from hiveproject.overview import Item
from hiveproject.reach import targets

SETTLE = timedelta(seconds=60)
"""What comes back within this time had never really gone."""
KEEP = timedelta(days=30)


def look(now: datetime | None = None) -> list[Notice]:
    """Compare what needs a person with what did before; returns a notice for each new item and target."""
    at = now or timezone.now()
    items = {item.key: item for item in overview.attention()}
    with transaction.atomic():
        known = {edge.key: edge for edge in AttentionEdge.objects.all()}
        fresh = [item for key, item in items.items() if key not in known or _was_gone(known[key], at)]
        AttentionEdge.objects.filter(key__in=items, gone_at__isnull=False).update(gone_at=None)
        AttentionEdge.objects.bulk_create(AttentionEdge(key=key) for key in items if key not in known)
        gone = [edge for key, edge in known.items() if key not in items]
        _let_go(gone, at)
        return _tell(fresh, targets.ids())


def test(target: ReachTarget) -> Notice:
    """A notice that only shows that the target is reached; it takes the way of all others."""
    title, detail = "This is a test", "The hive reaches you here when something needs a person."
    return Notice.objects.create(target=target, key="test", title=title, detail=detail, path="/", tone="needs")


def prune() -> None:
    """Forget notices that are long over."""
    over = Notice.objects.exclude(state=Notice.State.QUEUED)
    over.filter(created_at__lt=timezone.now() - KEEP).delete()


def _was_gone(edge: AttentionEdge, at: datetime) -> bool:
    return edge.gone_at is not None and at - edge.gone_at > SETTLE


def _let_go(gone: Iterable[AttentionEdge], at: datetime) -> None:
    AttentionEdge.objects.filter(pk__in=[edge.pk for edge in gone if edge.gone_at is None]).update(gone_at=at)
    AttentionEdge.objects.filter(pk__in=[edge.pk for edge in gone if _was_gone(edge, at)]).delete()


def _tell(items: list[Item], receivers: list[int | None]) -> list[Notice]:
    return Notice.objects.bulk_create(
        Notice(
            target_id=target,
            key=item.key,
            title=item.title[:200],
            detail=item.detail[:600],
            path=item.url[:200],
            tone=item.tone,
        )
        for item in items
        for target in receivers
    )
