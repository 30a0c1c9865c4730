"""Notices what containers do by themselves: a crash is told, an end that was asked for is followed by a new start."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents import actors, commits, events, feed, lifecycle, locks
from agents.backend import containers
from agents.containers.protocol import ExitStatus
from agents.models import Agent, Job, Stat

SECONDS = 1.0
CRASH = "host.crash"
"""The statistic of a container that ended by itself."""
_LAST_LINES = 15
logger = logging.getLogger(__name__)


def adopt() -> None:
    """At the worker's start: make the rows say what runs, and start what should run and does not."""
    for agent in Agent.objects.live():
        if containers().is_running(agent.name):
            _set_running(agent, running=True)
            continue
        _set_running(agent, running=False)
        if agent.wanted and not _is_worked_on(agent):
            lifecycle.start(agent, actor=actors.SYSTEM)


class Watch:
    """Compares each live agent's row with the kernel's view, about once a second."""

    def __init__(self) -> None:
        self._commits = commits.watch()
        self._running: list[Agent] | None = None

    def follow(self, stop: threading.Event) -> None:
        """Look until `stop` is set. A database that is locked or full is waited for."""
        while not stop.wait(SECONDS):
            try:
                self.look()
            except DatabaseError as error:
                logger.warning("the watch on containers could not use the database, trying again: %s", error)
                self._running = None
                connection.close()  # it may be broken for good; the next look connects again
        self._commits.close()
        connection.close()

    def look(self) -> None:
        """One round. The database is asked only when something in it has changed."""
        if self._running is None or self._commits.changed():
            self._running = list(Agent.objects.live().filter(running=True))
        ended = [agent for agent in self._running if not containers().is_running(agent.name)]
        for agent in ended:
            self._running = None
            note_end(agent)


def note_end(agent: Agent) -> None:
    """Record that a container has ended without a job of ours; does nothing when a job works on the agent."""
    status = containers().exit_status(agent.name)
    lines = containers().logs(agent.name, _LAST_LINES)
    with transaction.atomic():
        locks.hold(agent)  # no job can be asked for, so what is read here stays true
        current = Agent.objects.live().filter(pk=agent.pk, running=True).first()
        if current is None or _is_worked_on(current) or containers().is_running(agent.name):
            return
        lifecycle.mark_stopped(current)
        if status is None or status.code != 0:
            _record_crash(current, status, lines)
        elif current.wanted:
            lifecycle.start(current, actor=actors.SYSTEM)


def told(status: ExitStatus | None) -> str:
    """How a run ended, in words."""
    if status is None:
        return "nobody saw how"
    if status.oom:
        return "out of memory: raise hyperhive.memoryMax"
    return f"exit code {status.code}" if status.code is not None else f"signal {status.signal}"


def _record_crash(agent: Agent, status: ExitStatus | None, lines: list[str]) -> None:
    how = told(status)
    failure = "\n".join([f"It ended by itself ({how}).", *lines])
    Agent.objects.filter(pk=agent.pk).update(failed=True, failure=failure)
    Stat.objects.create(agent=agent, ts=timezone.now(), key=CRASH, value=1)
    feed.publish("operator")
    logger.warning("%s crashed: %s", agent.name, how)
    events.emit(events.Event("container_crash", agent.name, f"{agent.name} crashed: {how}."))


def _set_running(agent: Agent, *, running: bool) -> None:
    with transaction.atomic():
        rows = Agent.objects.filter(pk=agent.pk).exclude(running=running)
        gone = {} if running else {"connected": False, "busy_since": None, "frozen": False, "held": False}
        if rows.update(running=running, **gone):
            feed.publish("agents", agent.pk)


def _is_worked_on(agent: Agent) -> bool:
    return Job.objects.filter(agent=agent, lane=Job.Lane.CONTAINER, status__in=Job.ACTIVE).exists()
