"""Tells cheaply whether another connection has written to a SQLite database.

`PRAGMA data_version` changes when someone else commits and costs about 2 µs; it must be asked on a connection of
its own and outside a transaction (SQLite documentation, PRAGMA data_version).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path


class DataVersion:
    """One watcher of one database file; usable from any one thread at a time."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=20)
        self._last = self._read()

    def changed(self) -> bool:
        """True when anything was committed since the last call."""
        now = self._read()
        before, self._last = self._last, now
        return now != before

    def close(self) -> None:
        self._connection.close()

    def _read(self) -> int:
        row = self._connection.execute("PRAGMA data_version").fetchone()
        return int(row[0])
