"""One timer for everything that is due at a time: reminders, schedules, expiry, upkeep.

Each duty says when it is due next, from an index, and does what is due; each thing done is claimed in the database,
so two timers never do it twice, and what fell due while nothing ran is done at the start. The timer sleeps until the
earliest time, or until somebody has written to the database and may have made that earlier.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from broker import deadletters, indexing, questions, reminders, retention, schedules

LONGEST_SECONDS = 1.0
_SHORTEST_SECONDS = 0.05
_RETRY_SECONDS = 5.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    """`next_due` is None where nothing waits; `run(now)` does what is due."""

    name: str
    next_due: Callable[[], datetime | None]
    run: Callable[[datetime], object]


DUTIES = (
    Duty("reminders", reminders.next_due, reminders.fire),
    Duty("schedules", schedules.next_due, schedules.fire_due),
    Duty("questions", questions.next_expiry, questions.expire),
    Duty("expiry", deadletters.next_expiry, deadletters.expire_due),
    Duty("retention", retention.next_due, retention.run),
    Duty("search", indexing.next_due, indexing.run),
)


class Clock:
    """`changed()` says cheaply whether anything was written since it was last asked."""

    def __init__(self, changed: Callable[[], bool], duties: Sequence[Duty] = DUTIES) -> None:
        self._changed, self._duties = changed, duties
        self._next: datetime | None = None
        self._looked = False

    def follow(self, stop: threading.Event) -> None:
        """Do what is due until `stop` is set. A database that is locked or full is waited for."""
        while not stop.wait(self._pause()):
            try:
                self.tick(timezone.now())
            except DatabaseError as error:
                logger.warning("what is due could not be done, trying again: %s", error)
                self._looked = False
                connection.close()  # it may be broken for good; the next round connects again
                stop.wait(_RETRY_SECONDS)
        connection.close()

    def tick(self, now: datetime) -> None:
        """One round: look where something has changed or is due, and do it."""
        due = self._next is not None and self._next <= now
        if self._looked and not due and not self._changed():
            return
        self._looked = True
        self._next = None
        for duty in self._duties:
            at = self._done(duty, now)
            if at is not None and (self._next is None or at < self._next):
                self._next = at

    def _done(self, duty: Duty, now: datetime) -> datetime | None:
        at = duty.next_due()
        if at is None or at > now:
            return at
        try:
            duty.run(now)
        except DatabaseError:
            raise
        except Exception:  # the other duties go on; this one is looked at again
            logger.exception("%s could not be done", duty.name)
            return now + timedelta(seconds=_RETRY_SECONDS)
        return duty.next_due()

    def _pause(self) -> float:
        """Until the next thing is due, at most a second: by then what others have written is looked at."""
        if self._next is None:
            return LONGEST_SECONDS if self._looked else 0.0
        left = (self._next - timezone.now()).total_seconds()
        return min(LONGEST_SECONDS, max(_SHORTEST_SECONDS, left))
