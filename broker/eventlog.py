"""The events of agents as the hive keeps them: stored once each, however often they come. Runs in a transaction.

What a harness sends is untrusted: kinds, times and sizes are checked, and statistics among the events become rows of
their own in the same step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from agents import feed
from agents.models import Agent, Stat
from broker.frames import Frame
from broker.models import LoggedEvent
from broker.refusals import FrameRefused

TOPIC = "events"
STATS = "stats"
MOST_ROWS = 200_000
"""Of one agent: one that writes without end pushes out its own past only."""
_KIND, _KEY = re.compile(r"[a-z][a-z_]{0,39}"), re.compile(r"[A-Za-z0-9_:.-]{1,80}")
_MOST_FIGURES = 120
_MAX_SEQ = 2**53
_DEEPEST, _MOST_ITEMS, _LONGEST_TEXT, _MOST_TEXT = 8, 200, 16_000, 48_000
_OLDEST, _NEWEST = timedelta(days=30), timedelta(minutes=1)


@dataclass(frozen=True)
class Position:
    """The newest event that is stored of an agent; seq 0 where there is none."""

    epoch: str = ""
    seq: int = 0


def position(agent: int) -> Position:
    newest = LoggedEvent.objects.filter(agent_id=agent).order_by("-id").values_list("epoch", "seq").first()
    return Position(*newest) if newest else Position()


def store(agent: int, epoch: str, events: Sequence[Any]) -> Position:
    """Add what is new. Raises `FrameRefused` for a batch that cannot be what a harness writes."""
    before = position(agent)
    known = before.seq if before.epoch == epoch else _highest(agent, epoch)
    rows = [row for row in (_row(agent, epoch, event) for event in events) if row.seq > known]
    rows = list({row.seq: row for row in rows}.values())
    LoggedEvent.objects.bulk_create(sorted(rows, key=lambda row: row.seq))
    Stat.objects.bulk_create([stat for row in rows if row.kind == STATS for stat in _stats(row)])
    if rows:
        feed.publish(TOPIC, agent)
    return Position(epoch, max([known, *(row.seq for row in rows)]))


def after(agent: Agent, event: int, limit: int) -> Iterable[LoggedEvent]:
    """What was stored after the row with this id, oldest first."""
    return LoggedEvent.objects.filter(agent=agent, id__gt=event).order_by("id")[:limit]


def prune() -> int:
    """Delete what is older than the setting allows, and what is too much. Returns how many events went."""
    old = timezone.now() - timedelta(days=settings.HIVE_EVENT_DAYS)
    # The newest of each agent stays: it says where its harness goes on.
    newest = LoggedEvent.objects.values("agent").annotate(newest=Max("id")).values("newest")
    gone, _ = LoggedEvent.objects.filter(at__lt=old).exclude(id__in=newest).delete()
    Stat.objects.filter(ts__lt=old).delete()
    for agent in Agent.objects.all():
        surplus = LoggedEvent.objects.filter(agent=agent).order_by("-id").values_list("id", flat=True)
        if last := surplus[MOST_ROWS : MOST_ROWS + 1].first():
            gone += LoggedEvent.objects.filter(agent=agent, id__lte=last).delete()[0]
    return gone


def _highest(agent: int, epoch: str) -> int:
    found = LoggedEvent.objects.filter(agent_id=agent, epoch=epoch).aggregate(highest=Max("seq"))
    return int(found["highest"] or 0)


def _row(agent: int, epoch: str, event: Frame) -> LoggedEvent:
    seq, kind, data = event.get("seq"), event.get("kind"), event.get("data")
    if type(seq) is not int or not 0 < seq <= _MAX_SEQ:
        raise FrameRefused("bad_field", "events: 'seq' must be a whole number from 1")
    kind = kind if isinstance(kind, str) and _KIND.fullmatch(kind) else "unreadable"
    data = _Cleaned().value(data if isinstance(data, dict) else {})
    turn = data.pop("turn", "")
    turn = turn[:64] if isinstance(turn, str) else ""
    at = _time(event.get("at"))
    return LoggedEvent(agent_id=agent, epoch=epoch, seq=seq, at=at, kind=kind, turn=turn, data=data)


def _time(at: object) -> datetime:
    """The harness's clock, as far as it can be right."""
    now = timezone.now()
    if not isinstance(at, (int, float)) or isinstance(at, bool) or not 0 < at < 4e9:
        return now
    return min(max(datetime.fromtimestamp(at, UTC), now - _OLDEST), now + _NEWEST)


def _stats(row: LoggedEvent) -> Iterable[Stat]:
    for key, value in list(row.data.items())[:_MOST_FIGURES]:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _KEY.fullmatch(key):
            yield Stat(agent_id=row.agent_id, ts=row.at, key=key, value=float(value))


class _Cleaned:
    """A copy that every database takes: no NUL, no half surrogates, no NaN; neither deep nor long."""

    def __init__(self) -> None:
        self._left = _MOST_TEXT

    def value(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict) and depth < _DEEPEST:
            items = list(value.items())[:_MOST_ITEMS]
            return {self._text(str(key))[:200]: self.value(item, depth + 1) for key, item in items}
        if isinstance(value, list) and depth < _DEEPEST:
            return [self.value(item, depth + 1) for item in value[:_MOST_ITEMS]]
        if isinstance(value, bool) or value is None:
            return value
        # False for NaN too.
        return value if isinstance(value, (int, float)) and abs(value) < 2**63 else "…"

    def _text(self, text: str) -> str:
        room = max(0, min(_LONGEST_TEXT, self._left))
        cut = text if len(text) <= room else f"{text[:room]}…"
        self._left -= len(cut)
        return cut.replace("\0", "\ufffd").encode(errors="replace").decode()
