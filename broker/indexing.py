"""Keeps the search index near the newest message, so that whoever searches finds little left to take up."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from broker import search

EVERY = timedelta(seconds=10)
_last: list[datetime] = []


def next_due() -> datetime | None:
    """None where the index is up to date."""
    if not search.is_behind():
        return None
    return _last[0] + EVERY if _last else timezone.now()


def run(now: datetime) -> int:
    """Take up what was said meanwhile. Returns how many messages that were."""
    _last[:] = [now]
    return search.catch_up()
