"""Recorded screens: what a browser was sent, with times, in one file.

`HIVERFB1`, then records: milliseconds since the start and length, 32 bits each, big-endian, and so many bytes of the
server's side of RFB, from its version on. A player needs nothing else: the client's side decides nothing it shows.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

MAGIC = b"HIVERFB1"
MAX_BYTES = 256 * 1024 * 1024
_BUFFER = 256 * 1024


class Recorder:
    """Writes one session; what would make the file too long is left out, and `is_full` says so."""

    def __init__(self, path: Path, limit: int = MAX_BYTES) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", _BUFFER)
        self._file.write(MAGIC)
        self._begun, self._limit = time.monotonic(), limit
        self.size, self.is_full = len(MAGIC), False

    def write(self, data: bytes) -> None:
        head = struct.pack(">II", int((time.monotonic() - self._begun) * 1000), len(data))
        self.is_full = self.is_full or self.size + len(head) + len(data) > self._limit
        if not self.is_full:
            self._file.write(head)
            self._file.write(data)
            self.size += len(head) + len(data)

    def close(self) -> None:
        self._file.close()
