"""What happened: one plain line per event on stdout (the container's log) and a row in the notes folder."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, Protocol

KEPT_SECONDS = 7 * 24 * 3600
VALUE_LIMIT = 300
SWEEP_EVERY = 500
SCHEMA = "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL, kind TEXT, data TEXT)"


class Emit(Protocol):
    """Record an event. Values are shown to people: never a token, a secret address or a message's text."""

    def __call__(self, kind: str, **data: Any) -> None: ...


class Journal:
    """The events of this agent; a database that cannot be written costs the rows, never a turn."""

    def __init__(self, path: Path | None) -> None:
        self._written = 0
        self._rows: sqlite3.Connection | None = None
        if path is not None:
            self._open(path)

    def __call__(self, kind: str, **data: Any) -> None:
        self._say(kind, data)
        if self._rows is None:
            return
        try:
            with self._rows:
                self._rows.execute(
                    "INSERT INTO events (ts, kind, data) VALUES (?, ?, ?)",
                    (time.time(), kind, json.dumps(data, default=str)),
                )
                self._sweep(self._rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def _open(self, path: Path) -> None:
        try:
            self._rows = sqlite3.connect(path, timeout=0.5)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute("PRAGMA synchronous=OFF")
            self._rows.execute(SCHEMA)
        except sqlite3.Error as error:
            self._give_up(error)

    def _sweep(self, rows: sqlite3.Connection) -> None:
        if self._written % SWEEP_EVERY == 0:
            rows.execute("DELETE FROM events WHERE ts < ?", (time.time() - KEPT_SECONDS,))
        self._written += 1

    def _give_up(self, error: sqlite3.Error) -> None:
        self.close()
        self._say("error", {"text": f"events are no longer written to the notes folder: {error}"})

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        fields = "".join(f" {key}={_plain(value)}" for key, value in data.items() if value is not None)
        sys.stdout.write(f"{stamp} {kind}{fields}\n")
        sys.stdout.flush()


def _plain(value: object) -> str:
    """One line, no control characters; quoted where it holds white space."""
    text = str(value)
    if len(text) > VALUE_LIMIT:
        text = text[:VALUE_LIMIT] + "…"
    bare = text.isprintable() and " " not in text and text
    return text if bare else json.dumps(text, ensure_ascii=not text.isprintable())
