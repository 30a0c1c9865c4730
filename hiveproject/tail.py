"""Follows the change feed: one reader per web process, however many are waiting.

A look costs about 2 µs (`PRAGMA data_version`); rows are read only after somebody has committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agents import feed
from agents.data_version import DataVersion
from agents.models import Change
from broker import sql
from broker.threads import in_thread

Changes = list[tuple[Any, ...]]
Subscriber = Callable[[Changes], None]

POLL_SECONDS = 0.02
_NEXT = f"SELECT id, topic, object_id FROM {Change._meta.db_table} WHERE id > %s ORDER BY id LIMIT 1000"  # noqa: S608
logger = logging.getLogger(__name__)


class Tail:
    """Lives on the event loop; subscribers are called there."""

    def __init__(self, database: Path) -> None:
        self._version = DataVersion(database)
        self._last = feed.latest()
        self._subscribers: list[Subscriber] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._reading is not None:
            self._reading.cancel()
        self._loop = None
        self._version.close()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """`subscriber` gets every batch of (id, topic, object id); the result ends the subscription."""
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
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._read)

    def _look(self) -> None:
        if self._loop is None:
            return
        self._timer = self._loop.call_later(POLL_SECONDS, self._look)
        # While a batch is read the change is left for the next look, so that none is missed.
        if (self._reading is None or self._reading.done()) and self._version.changed():
            self._read()

    def _read(self) -> None:
        if self._loop is not None and (self._reading is None or self._reading.done()):
            self._reading = self._loop.create_task(self._tell())

    async def _tell(self) -> None:
        while changes := await in_thread(self._changes):
            self._last = changes[-1][0]
            for subscriber in list(self._subscribers):
                try:
                    subscriber(changes)
                except Exception:  # the other subscribers wait for the same changes
                    logger.exception("a subscriber of the change feed failed")

    def _changes(self) -> Changes:
        return list(sql.rows(_NEXT, self._last))


_current: list[Tail] = []


def install(tail: Tail | None) -> None:
    """Make `tail` the one of this process, or none."""
    _current[:] = [tail] if tail else []


def current() -> Tail:
    """The tail of this web process."""
    return _current[0]
