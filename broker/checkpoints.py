"""When SQLite's write-ahead log is written back: while nothing else is to do, at the latest when it is too long.

By itself SQLite does it every 1,000 pages, in the commit that makes them full: that one takes tens of milliseconds,
and under load that is one in every twenty. How much waits is read from the log's shared index (SQLite documentation,
"WAL-mode File Format", 2.1): `mxFrame` pages are in the log, `nBackfill` of them written back.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from broker import sql

logger = logging.getLogger(__name__)
IDLE_PAGES, MOST_PAGES = 1000, 32 * 1024
IDLE_SECONDS = 0.1
_MX_FRAME, _BACKFILLED = 16, 96


class Keeper:
    """Of one database's log; for the writer's thread. Without a path there is nothing to do."""

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._index = -1
        self._done: int | None = None

    @property
    def is_over(self) -> bool:
        """So much waits that the next transaction has to."""
        return self._pending() > MOST_PAGES

    @property
    def is_due(self) -> bool:
        """Worth doing while nothing else is to do."""
        waiting = self._pending()
        return waiting > IDLE_PAGES and waiting != self._done

    def write_back(self) -> None:
        """As far as no reader needs what would be overwritten; nobody waits for it (PASSIVE)."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            logger.warning("the write-ahead log could not be written back: %s", error)
        self._done = self._pending()

    def open(self) -> None:
        if self._database is not None:
            sql.change("PRAGMA wal_autocheckpoint=0")
            self._connection = sqlite3.connect(self._database, isolation_level=None, timeout=0)
            self._index = os.open(f"{self._database}-shm", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._index >= 0:
            os.close(self._index)
            self._connection.close()
            self._index = -1

    def _pending(self) -> int:
        """Pages of the log that are not written back."""
        if self._index < 0:
            return 0
        return self._number(_MX_FRAME) - self._number(_BACKFILLED)

    def _number(self, offset: int) -> int:
        return int.from_bytes(os.pread(self._index, 4, offset), "little")


@contextmanager
def kept() -> Iterator[Keeper]:
    """The keeper for this thread's connection; only a log in a file needs one."""
    keeper = Keeper(_database())
    keeper.open()
    try:
        yield keeper
    finally:
        keeper.close()


def _database() -> Path | None:
    if not sql.is_sqlite():
        return None
    (mode,) = sql.row("PRAGMA journal_mode") or ("",)
    name = Path(connection.settings_dict["NAME"])
    return name if mode == "wal" and Path(f"{name}-shm").exists() else None
