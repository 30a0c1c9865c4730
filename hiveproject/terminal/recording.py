"""Recordings of terminals: asciicast version 2, one file a session (https://docs.asciinema.org/manual/asciicast/v2/).

Only what was shown is kept, never what was typed: passwords are typed.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

MAX_BYTES = 32 * 1024 * 1024
_FLUSH_SECONDS = 1.0


class Recording:
    """A new file at `path`, which must not exist. Raises OSError."""

    def __init__(self, path: Path, columns: int, rows: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._began = self._flushed = time.monotonic()
        self.size = 0
        self._write({"version": 2, "width": columns, "height": rows, "timestamp": int(time.time())})

    def shown(self, text: str) -> None:
        self._event("o", text)

    def resized(self, columns: int, rows: int) -> None:
        self._event("r", f"{columns}x{rows}")

    def close(self) -> None:
        self._file.close()

    def _event(self, kind: str, text: str) -> None:
        if self._file.closed or self.size > MAX_BYTES or not text:
            return
        self._write([round(time.monotonic() - self._began, 6), kind, text])
        if self.size > MAX_BYTES:
            self._write(
                [round(time.monotonic() - self._began, 6), "o", "\r\n[the recording ends here: it is full]\r\n"]
            )
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self._file.flush()
            self._flushed = time.monotonic()

    def _write(self, value: object) -> None:
        self.size += self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
