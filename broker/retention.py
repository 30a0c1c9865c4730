"""Retention: messages that everybody has dealt with are removed after some days; a dead letter waits for the operator.

In small steps, so that nobody waits for the database while it goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from broker import search, sql
from broker.models import Delivery, Message, Question, Reminder, Upkeep

_NAME = "retention"
_EVERY = timedelta(hours=1)
_STEP = 500
_MESSAGES, _DELIVERIES = Message._meta.db_table, Delivery._meta.db_table
_OVER = (
    f"SELECT m.id FROM {_MESSAGES} m WHERE m.created_at < %s AND NOT EXISTS ("  # noqa: S608
    f"SELECT 1 FROM {_DELIVERIES} d WHERE d.message_id = m.id"
    " AND (d.state NOT IN ('acknowledged', 'discarded') OR d.acknowledged_at >= %s))"
    " ORDER BY m.id LIMIT %s"
)


def next_due() -> datetime:
    """When messages are tidied next."""
    row = Upkeep.objects.filter(name=_NAME).first()
    return row.next_at if row is not None else timezone.now()


def run(now: datetime) -> int:
    """Tidy, if nobody else has taken this turn. Returns how many messages were removed."""
    row, _ = Upkeep.objects.get_or_create(name=_NAME, defaults={"next_at": now})
    if not Upkeep.objects.filter(name=_NAME, next_at=row.next_at).update(next_at=now + _EVERY):
        return 0
    return tidy(now - timedelta(days=settings.HIVE_RETENTION_DAYS))


def tidy(before: datetime) -> int:
    """Remove what was over before that time. Returns how many messages that were."""
    Question.objects.exclude(state=Question.State.OPEN).filter(ended_at__lt=before).delete()
    Reminder.objects.exclude(state=Reminder.State.PENDING).filter(ended_at__lt=before).delete()
    removed = 0
    while (step := _remove(before)) > 0:
        removed += step
    return removed


def _remove(before: datetime) -> int:
    at = sql.moment(before)
    with transaction.atomic():
        over = [ident for (ident,) in sql.rows(_OVER, at, at, _STEP)]
        search.forget(over)
        sql.change_many(f"DELETE FROM {_DELIVERIES} WHERE message_id = %s", [(ident,) for ident in over])  # noqa: S608
        sql.change_many(f"DELETE FROM {_MESSAGES} WHERE id = %s", [(ident,) for ident in over])  # noqa: S608
    return len(over)
