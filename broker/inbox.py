"""What waits for whom."""

from __future__ import annotations

from collections import Counter

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from agents import feed
from agents.models import Agent
from broker.models import Delivery

OPERATOR = "operator"
_OPEN = (Delivery.State.QUEUED, Delivery.State.DELIVERED)


def operator() -> QuerySet[Delivery]:
    """The operator's messages, newest first."""
    return _of(OPERATOR)


def of(agent: Agent | str) -> QuerySet[Delivery]:
    """An agent's messages, newest first."""
    return _of(str(agent))


def depths() -> dict[str, int]:
    """How many messages are not yet acknowledged, by recipient; from the partial indexes alone."""
    counts: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for state in _OPEN:
            cursor.execute(
                f"SELECT recipient, count(*) FROM {Delivery._meta.db_table} WHERE state = '{state}' GROUP BY recipient"  # noqa: S608
            )
            counts.update(dict(cursor.fetchall()))
    return dict(counts)


def read_by_operator(up_to: int) -> int:
    """The operator has seen its messages up to this one. Returns how many of them were new."""
    rows = Delivery.objects.filter(recipient=OPERATOR, state=Delivery.State.QUEUED, message_id__lte=up_to)
    seen = rows.update(state=Delivery.State.ACKNOWLEDGED, acknowledged_at=timezone.now())
    if seen:
        feed.publish("operator")
    return seen


def _of(recipient: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(recipient=recipient).select_related("message").order_by("-id")
