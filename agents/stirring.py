"""Tells, at no cost while nothing happens, that a SQLite database in WAL mode may have been written to (inotify(7)).

A commit becomes visible a little after its bytes are written, so whoever waits asks `DataVersion` often for a second
after each stir, and not at all otherwise.
"""

from __future__ import annotations

import ctypes
import os
import select
import time
from pathlib import Path

AFTER_SECONDS = 1.0
_IN_MODIFY = 0x2
_libc = ctypes.CDLL(None, use_errno=True)


class Stirring:
    """Watches one database's write-ahead log; usable from any one thread at a time.

    Where that cannot be watched (not there yet, no inotify) it always says that something stirs.
    """

    def __init__(self, database: Path | str) -> None:
        self._log = f"{database}-wal".encode()
        self._descriptor: int | None = None
        self._last = time.monotonic()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was written for a while."""
        if self._descriptor is None and not self._watch():
            return False
        if self._drain():
            self._last = time.monotonic()
        return time.monotonic() - self._last > AFTER_SECONDS

    def fileno(self) -> int:
        """Readable at the next write; to be asked for only when it is quiet."""
        if self._descriptor is None:
            raise ValueError("nothing is watched")
        return self._descriptor

    def wait(self, seconds: float) -> None:
        """Return at the next write, or after `seconds`."""
        if self._descriptor is not None:
            select.select([self._descriptor], [], [], seconds)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _watch(self) -> bool:
        descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if descriptor < 0:
            return False
        if _libc.inotify_add_watch(descriptor, self._log, _IN_MODIFY) < 0:
            os.close(descriptor)
            return False
        self._descriptor, self._last = descriptor, time.monotonic()
        return True

    def _drain(self) -> bool:
        """True when something was written since the last call."""
        written = False
        try:
            while self._descriptor is not None and os.read(self._descriptor, 65536):
                written = True
        except BlockingIOError:
            return written
        return written
