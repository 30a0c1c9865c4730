"""The worker's part: looks when something has changed, sends what is due."""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError, connection

from agents import feed
from agents.models import Change
from hiveproject.reach import edges, outbox

TOPICS = ("approvals", "agents", "jobs", "operator")
_SECONDS = 1.0
_LOOK_SECONDS = 60.0
_PRUNE_SECONDS = 3600.0
logger = logging.getLogger(__name__)


class Following:
    """One per worker. Whoever looks at the same time tells nothing twice: edges and notices are rows."""

    def __init__(self) -> None:
        self._seen = 0
        self._looked = self._pruned = float("-inf")

    def follow(self, stop: threading.Event) -> None:
        while not stop.wait(_SECONDS):
            try:
                self.turn()
            except DatabaseError as error:
                logger.warning("what needs a person could not be told, trying again: %s", error)
            finally:
                connection.close()

    def turn(self) -> None:
        """Look if something has changed, and now and then in any case: some things only time brings."""
        now = time.monotonic()
        if self._has_changed() or now - self._looked > _LOOK_SECONDS:
            self._looked = now
            edges.look()
        outbox.send_due()
        if now - self._pruned > _PRUNE_SECONDS:
            self._pruned = now
            edges.prune()

    def _has_changed(self) -> bool:
        before, self._seen = self._seen, feed.latest()
        return Change.objects.filter(id__gt=before, id__lte=self._seen, topic__in=TOPICS).exists()
