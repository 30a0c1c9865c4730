"""Group commit: what arrives while one transaction is written goes into the next one together.

Each caller hears of its own part only after the commit that holds it. On SQLite a small batch is written on the event
loop itself, where recent commits were fast and nobody else holds the lock; everything else is written by a thread.
Both use the same connection, one at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from broker import checkpoints, sql
from broker.seats import SlotOf
from broker.transactions import Desk, Part, PartFailed, Written, together, write

__all__ = ["Part", "Writer", "Written"]

logger = logging.getLogger(__name__)
Tell = Callable[[Sequence[Part], Written], None]
INLINE_PARTS = 24
INLINE_SECONDS = 0.0015
RIDE_SECONDS = 0.01
_REMEMBERED = 5
_FORGIVEN_SECONDS = 0.25


class Writer:
    """`slot_of(name)` is asked while a transaction is written, `tell` is called on the loop after each commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop, slot_of: SlotOf, tell: Tell) -> None:
        self._loop, self._tell = loop, tell
        self._desk = Desk(slot_of)
        self._gathered: list[Part] = []
        self._waiting: list[Part] = []
        self._is_called = False
        self._riding: asyncio.TimerHandle | None = None
        self._wake = threading.Condition()
        self._left_to_thread = 0
        self._stopping = False
        self._keeper = checkpoints.Keeper(None)
        self._shared: Any = None
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._slow_until = 0.0
        self._thread = threading.Thread(target=self._run, name="broker-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, part: Part) -> None:
        """Call it on the loop. All that arrives in one turn of the loop is handed over together.

        What nobody waits for rides in the next transaction, and is not kept waiting for one for long.
        """
        self._gathered.append(part)
        if self._is_called:
            return
        if not self._desk.may_wait(part):
            self._is_called = True
            self._loop.call_soon(self._hand_over)
        elif self._riding is None:
            self._riding = self._loop.call_later(RIDE_SECONDS, self._hand_over)

    async def stop(self, seconds: float) -> None:
        """Write what is waiting and end."""
        self._stopping = True
        self._hand_over()
        with self._wake:
            self._wake.notify()
        await asyncio.to_thread(self._thread.join, seconds)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._is_called = False
        if self._riding is not None:
            self._riding.cancel()
            self._riding = None
        if gathered and self._may_be_inline(gathered) and (written := self._inline(gathered)) is not None:
            self._tell(gathered, written)
            return
        self._left_to_thread += len(gathered)
        with self._wake:
            self._waiting.extend(gathered)
            self._wake.notify()

    # On the loop

    def _may_be_inline(self, batch: Sequence[Part]) -> bool:
        """Nothing is with the thread: it would be overtaken, and it may be using the connection."""
        if self._left_to_thread or self._stopping or len(batch) > INLINE_PARTS:
            return False
        if self._shared is None or self._shared.connection is None or self._keeper.is_over:
            return False
        if time.monotonic() < self._slow_until:
            return False
        return all(part.is_light for part in batch)

    def _inline(self, batch: Sequence[Part]) -> Written | None:
        """None when it must be left to the thread; nothing has changed then."""
        begun = time.perf_counter()
        try:
            with sql.at_once(self._shared):
                written = together(batch, self._desk)
        except (PartFailed, sql.NotNow):
            self._desk.empty.forget()
            return None
        except DatabaseError as error:
            self._desk.empty.forget()
            logger.error("nothing of %d parts could be stored: %s", len(batch), error)
            return Written.failed(batch, error)
        self._took(time.perf_counter() - begun)
        return written

    def _took(self, seconds: float) -> None:
        """By the median of the last few: one that was held up says nothing of the disk."""
        self._recent.append(seconds)
        if sorted(self._recent)[len(self._recent) // 2] > INLINE_SECONDS:
            self._slow_until = time.monotonic() + _FORGIVEN_SECONDS

    def _told(self, batch: Sequence[Part], written: Written) -> None:
        self._left_to_thread -= len(batch)
        self._tell(batch, written)

    # In the thread

    def _run(self) -> None:
        try:
            sql.choose_durability(settings.HIVE_DURABILITY)
            sql.hold(connections[DEFAULT_DB_ALIAS])
            with checkpoints.kept() as keeper:
                self._keeper = keeper
                self._share()
                while (batch := self._next(keeper)) is not None:
                    self._loop.call_soon_threadsafe(self._told, batch, self._written(batch))
                self._shared = None
        finally:
            connections.close_all()

    def _share(self) -> None:
        """Let the loop write with this thread's connection, while nothing is left to the thread."""
        if sql.is_sqlite():
            mine = connections[DEFAULT_DB_ALIAS]
            mine.inc_thread_sharing()
            self._shared = mine

    def _next(self, keeper: checkpoints.Keeper) -> list[Part] | None:
        """What has gathered; None at the end."""
        while True:
            with self._wake:
                while not self._waiting and not self._stopping:
                    if not self._wake.wait(checkpoints.IDLE_SECONDS if keeper.is_due else None) and keeper.is_due:
                        break
                batch, self._waiting = self._waiting, []
            if not batch and self._stopping:
                return None
            if not batch or keeper.is_over:
                keeper.write_back()
            if batch:
                return batch

    def _written(self, batch: Sequence[Part]) -> Written:
        begun = time.perf_counter()
        try:
            sql.refresh()
            return write(batch, self._desk)
        except Exception as error:  # the thread must outlive any defect: everybody waits for it
            logger.exception("a transaction of %d parts failed", len(batch))
            return Written.failed(batch, error)
        finally:
            if len(batch) <= INLINE_PARTS:
                self._took(time.perf_counter() - begun)
