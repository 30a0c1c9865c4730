"""Freezing: every process of an agent held by the kernel, and let go again.

`Agent.frozen` is what the operator wants, `Agent.held` what the host has done. A thread of the worker makes them the
same within some 30 ms of the change, all agents in one call to the privileged side.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from django.db import DatabaseError, connection, transaction
from django.db.models import F

from agents import commits, feed
from agents.backend import containers
from agents.containers.protocol import VerbFailed, VerbRefused
from agents.models import Agent

SECONDS = 0.02
_AGAIN_SECONDS = 1.0
logger = logging.getLogger(__name__)


def want(agents: Iterable[Agent], *, frozen: bool) -> list[str]:
    """Say what is wanted of those that run; their names. Call it in a transaction."""
    rows = Agent.objects.live().filter(pk__in=[agent.pk for agent in agents], running=True)
    found = list(rows.values_list("pk", "name"))
    rows.update(frozen=frozen)
    for pk, _ in found:
        feed.publish("agents", pk)
    return [name for _, name in found]


def settled(names: Iterable[str]) -> bool:
    """Whether the host has done what is wanted of these."""
    return not Agent.objects.filter(name__in=list(names), running=True).exclude(held=F("frozen")).exists()


class Freezer:
    """Makes `held` follow `frozen`."""

    def __init__(self) -> None:
        self._commits = commits.watch()
        self._failed: dict[str, str] = {}

    def follow(self, stop: threading.Event) -> None:
        """Look until `stop` is set. The database is asked only when something in it has changed."""
        self._once()
        waited = 0.0
        while not stop.wait(SECONDS):
            waited += SECONDS
            if self._commits.changed() or (self._failed and waited >= _AGAIN_SECONDS):
                waited = 0.0
                self._once()
        self._commits.close()
        connection.close()

    def look(self) -> None:
        """One round."""
        rows = list(Agent.objects.live().filter(running=True).exclude(held=F("frozen")).values_list("name", "frozen"))
        for frozen in (True, False):
            if names := [name for name, wanted in rows if wanted is frozen]:
                self._hold(names, frozen=frozen)

    def _once(self) -> None:
        try:
            self.look()
        except DatabaseError as error:
            logger.warning("freezing could not use the database, trying again: %s", error)

    def _hold(self, names: list[str], *, frozen: bool) -> None:
        try:
            failed = containers().hold(names, frozen=frozen)
        except (VerbFailed, VerbRefused) as error:
            failed = dict.fromkeys(names, str(error))
        done = [name for name in names if name not in failed]
        with transaction.atomic():
            Agent.objects.filter(name__in=done).update(held=frozen)
            for pk in Agent.objects.filter(name__in=done).values_list("pk", flat=True):
                feed.publish("agents", pk)
        for name, why in failed.items():
            if self._failed.get(name) != why:
                logger.warning("%s could not be %s: %s", name, "frozen" if frozen else "thawed", why)
        self._failed = failed
