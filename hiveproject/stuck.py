"""Agents that do not get on, found without a model: silent within a turn, repeating one call, crashing again and again.

What an agent says of itself (events) is its own word; that it says nothing, and that its container ends, is not.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, F, Max, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from agents import feed, watch
from agents.models import Agent, Stat
from broker.models import LoggedEvent

LOOK_SECONDS = 15.0
REPEATS = 8
CRASHES, CRASH_WINDOW = 3, timedelta(minutes=30)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stuck:
    """`kind` is `silent`, `looping` or `crashing`; `evidence` is one line for the operator."""

    agent: Agent
    kind: str
    title: str
    evidence: str
    since: datetime | None


def look(agents: Iterable[Agent]) -> list[Stuck]:
    """Those of these agents that are stuck, in three queries however many there are."""
    live = [agent for agent in agents if agent.lifecycle == Agent.Lifecycle.LIVE]
    busy = [agent for agent in live if agent.busy_since is not None and agent.connected and not agent.frozen]
    looping = _looping(busy)
    names = {stuck.agent.pk for stuck in looping}
    return [*looping, *(one for one in _silent(busy) if one.agent.pk not in names), *_crashing(live)]


def _silent(busy: list[Agent]) -> list[Stuck]:
    limit = timedelta(minutes=settings.HIVE_STUCK_MINUTES)
    rows = LoggedEvent.objects.filter(agent__in=busy).values("agent").annotate(last=Max("at"))
    last = dict(rows.values_list("agent", "last"))
    found = []
    for agent in busy:
        if agent.busy_since is None:
            continue
        since = max(agent.busy_since, last.get(agent.pk, agent.busy_since))
        if timezone.now() - since >= limit:
            minutes = int((timezone.now() - since).total_seconds() // 60)
            text = f"Its turn has shown no sign of life for {minutes} minutes."
            found.append(Stuck(agent, "silent", f"{agent.name} is silent", text, since))
    return found


def _looping(busy: list[Agent]) -> list[Stuck]:
    """The same tool with the same input, so many times in a row within the turn that runs."""
    place = Window(RowNumber(), partition_by=F("agent"), order_by=F("id").desc())
    calls = LoggedEvent.objects.filter(agent__in=busy, kind="tool_call").annotate(place=place)
    newest: dict[int, list[LoggedEvent]] = defaultdict(list)
    for event in calls.filter(place__lte=REPEATS):
        newest[event.agent_id].append(event)
    return [
        Stuck(agent, "looping", f"{agent.name} repeats itself", _repeated(newest[agent.pk]), newest[agent.pk][-1].at)
        for agent in busy
        if _is_one_call(newest[agent.pk], agent)
    ]


def _is_one_call(events: list[LoggedEvent], agent: Agent) -> bool:
    same = {(event.turn, _call(event)) for event in events}
    return len(events) == REPEATS and len(same) == 1 and agent.busy_since is not None and events[0].turn != ""


def _call(event: LoggedEvent) -> str:
    detail = event.data.get("detail")
    asked = detail.get("input") if isinstance(detail, dict) else None
    return json.dumps([event.data.get("tool"), asked], sort_keys=True)


def _repeated(events: list[LoggedEvent]) -> str:
    detail = events[0].data.get("detail")
    asked = json.dumps(detail.get("input") if isinstance(detail, dict) else None, ensure_ascii=False)
    return f"The same call {REPEATS} times in a row: {events[0].data.get('tool')} {asked[:200]}"


def _crashing(live: list[Agent]) -> list[Stuck]:
    since = timezone.now() - CRASH_WINDOW
    rows = Stat.objects.filter(agent__in=live, key=watch.CRASH, ts__gte=since).values("agent")
    counted = {row["agent"]: (row["times"], row["last"]) for row in rows.annotate(times=Count("id"), last=Max("ts"))}
    found = []
    for agent in live:
        times, last = counted.get(agent.pk, (0, None))
        if times >= CRASHES:
            text = f"It crashed {times} times within {CRASH_WINDOW.seconds // 60} minutes."
            found.append(Stuck(agent, "crashing", f"{agent.name} crashes again and again", text, last))
    return found


class Lookout:
    """Tells the pages when somebody gets stuck or is no longer: silence itself changes no row."""

    def __init__(self) -> None:
        self._known: set[tuple[int, str]] = set()

    def follow(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                self.round()
            except DatabaseError as error:
                logger.warning("the look-out for stuck agents could not use the database, trying again: %s", error)
            finally:
                connection.close()

    def round(self) -> bool:
        """Whether something has changed."""
        now = {(one.agent.pk, one.kind) for one in look(Agent.objects.live())}
        if now == self._known:
            return False
        self._known = now
        feed.publish("operator")
        return True
