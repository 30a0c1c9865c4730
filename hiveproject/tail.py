"""Follows the change feed: one reader per web process, however many are waiting.

A thread of its own waits and reads; the event loop hears of it only when there is something to tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import DatabaseError, connection, connections

from hiveproject import feeds
from hiveproject.feeds import Changes

__all__ = ["Changes", "Subscriber", "Tail", "current", "install"]

Subscriber = Callable[[Changes], None]

_RETRY_SECONDS = 1.0
logger = logging.getLogger(__name__)


class Tail:
    """Subscribers are called on the event loop that `start` was called on."""

    def __init__(self, database: Path) -> None:
        self._feed = feeds.follow(database)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._subscribers: list[Subscriber] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="feed-tail", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.poke()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(seconds)

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
        with contextlib.suppress(OSError):  # the tail has ended
            os.eventfd_write(self._bell, 1)

    def _follow(self) -> None:
        behind = False
        try:
            while not self._stopping.is_set():
                if not behind:
                    self._feed.rest(self._bell)
                behind = not self._look(self._was_poked() or behind)
        finally:
            self._feed.close()
            bell, self._bell = self._bell, -1
            os.close(bell)
            connections.close_all()

    def _was_poked(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
            return True
        return False

    def _look(self, behind: bool) -> bool:
        """Pass on what is new. False when the database could not be read now."""
        try:
            if self._feed.stirred() or behind:
                while changes := self._feed.read():
                    self._loop.call_soon_threadsafe(self._tell, changes)
        except (DatabaseError, sqlite3.Error) as error:
            logger.error("the change feed could not be read: %s", error)
            connection.close()  # the next look connects again
            self._stopping.wait(_RETRY_SECONDS)
            return False
        except RuntimeError:  # the loop has ended
            self._stopping.set()
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
