"""Follows the change feed: one reader per web process, however many are waiting.

A thread of its own looks: a look costs about 2 µs (`PRAGMA data_version`), waking the event loop for it would cost
fifty times that. Rows are read only after somebody has committed, and while nobody writes nobody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections

from agents import feed
from agents.data_version import DataVersion
from agents.models import Change
from agents.stirring import Stirring
from broker import sql

Changes = list[tuple[Any, ...]]
"""(id, topic, object id), oldest first"""
Subscriber = Callable[[Changes], None]

POLL_SECONDS = 0.01
_QUIET_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_NEXT = f"SELECT id, topic, object_id FROM {Change._meta.db_table} WHERE id > %s ORDER BY id LIMIT 1000"  # noqa: S608
logger = logging.getLogger(__name__)


class Tail:
    """Subscribers are called on the event loop that `start` was called on."""

    def __init__(self, database: Path) -> None:
        self._version = DataVersion(database)
        self._stirring = Stirring(database)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._last = feed.latest()
        self._subscribers: list[Subscriber] = []
        self._poked = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, name="feed-tail", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.poke()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """`subscriber` gets every batch of changes; the result ends the subscription."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @contextlib.contextmanager
    def watch(self, topic: str, object_id: object) -> Iterator[asyncio.Event]:
        """An event that is set whenever this object changes."""
        changed, wanted = asyncio.Event(), (topic, str(object_id))

        def look(changes: Changes) -> None:
            if any(change[1:] == wanted for change in changes):
                changed.set()

        end = self.subscribe(look)
        try:
            yield changed
        finally:
            end()

    def poke(self) -> None:
        """Somebody of this process has committed: do not wait for the next look. Call it from any thread."""
        self._poked.set()
        with contextlib.suppress(OSError):  # the tail has ended
            os.eventfd_write(self._bell, 1)

    def _follow(self) -> None:
        behind = False
        try:
            while not self._stopping:
                behind = behind or self._rest()
                self._poked.clear()
                behind = not self._look(behind)
        finally:
            self._version.close()
            self._stirring.close()
            bell, self._bell = self._bell, -1
            os.close(bell)
            connections.close_all()

    def _rest(self) -> bool:
        """Wait for a reason to look; true when somebody of this process gave it."""
        if self._stirring.is_quiet:
            select.select([self._stirring.fileno(), self._bell], [], [], _QUIET_SECONDS)
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._bell)
            return self._poked.is_set()
        return self._poked.wait(POLL_SECONDS)

    def _look(self, behind: bool) -> bool:
        """Pass on what is new. False when the database could not be read now."""
        try:
            if self._version.changed() or behind:
                while changes := list(sql.rows(_NEXT, self._last)):
                    self._last = changes[-1][0]
                    self._loop.call_soon_threadsafe(self._tell, changes)
        except (DatabaseError, sqlite3.Error) as error:
            logger.error("the change feed could not be read: %s", error)
            self._poked.wait(_RETRY_SECONDS)
            return False
        except RuntimeError:  # the loop has ended
            self._stopping = True
        return True

    def _tell(self, changes: Changes) -> None:
        for subscriber in list(self._subscribers):
            try:
                subscriber(changes)
            except Exception:  # the other subscribers wait for the same changes
                logger.exception("a subscriber of the change feed failed")


_current: list[Tail] = []


def install(tail: Tail | None) -> None:
    """Make `tail` the one of this process, or none."""
    _current[:] = [tail] if tail else []


def current() -> Tail:
    """The tail of this web process."""
    return _current[0]
