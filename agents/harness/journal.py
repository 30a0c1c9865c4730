"""What happened: one plain line per event on stdout (the container's log) and a row in the notes folder.

Rows are numbered without gaps going back, so that the hive can ask for what it has not got yet. Where the file cannot
be used they are kept in memory instead; `epoch` tells one numbering from another.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

KEPT_SECONDS = 7 * 24 * 3600
KEPT_ROWS = 100_000
IN_MEMORY_ROWS = 2_000
VALUE_LIMIT = 300
ROW_LIMIT = 16 * 1024
SWEEP_EVERY = 500
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL, kind TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS stats (ts REAL, key TEXT, value REAL);
CREATE TABLE IF NOT EXISTS numbering (epoch TEXT);
"""

# The agent may write to its file too: whatever stands there, these are the types.
AFTER = (
    "SELECT seq, CAST(ts AS REAL), CAST(kind AS TEXT), CAST(coalesce(data, '{}') AS TEXT) FROM events"
    " WHERE seq > ? AND ts IS NOT NULL AND kind IS NOT NULL ORDER BY seq LIMIT ?"
)


class Emit(Protocol):
    """Record an event. Values are shown to people: never a token or a secret address.

    What a message or a model says goes into `detail`: that is for the row, not for the log.
    """

    def __call__(self, kind: str, **data: Any) -> None: ...


@dataclass(frozen=True)
class Row:
    seq: int
    ts: float
    kind: str
    data: str


class Journal:
    """The events of this agent; a database that cannot be written costs the file's rows, never a turn."""

    def __init__(self, path: Path | None) -> None:
        self._written = 0
        self._kept = KEPT_ROWS
        self.epoch = ""
        self.wrote = asyncio.Event()
        self._rows: sqlite3.Connection | None = None
        try:
            self._open(str(path) if path is not None else ":memory:")
        except sqlite3.Error as error:
            self._fall_back(error)

    def __call__(self, kind: str, **data: Any) -> None:
        detail = data.pop("detail", None)
        self._say(kind, data)
        data = {key: value for key, value in data.items() if value is not None}
        self._store(kind, _fitting({**data, "detail": detail} if detail else data))
        self.wrote.set()

    def record(self, figures: Mapping[str, float]) -> None:
        """Statistics of a turn: rows of their own, and one event that brings them to the hive."""
        now = time.time()
        self._try("INSERT INTO stats (ts, key, value) VALUES (?, ?, ?)", [(now, *pair) for pair in figures.items()])
        self._store("stats", json.dumps(figures))
        self.wrote.set()

    def after(self, seq: int, rows: int, size: int) -> list[Row]:
        """What came after row `seq`, oldest first: at most so many rows, and bytes (but one row at least)."""
        if self._rows is None:
            return []
        found: list[Row] = []
        try:
            for values in self._rows.execute(AFTER, (seq, rows)):
                size -= len(values[3])
                if found and size < 0:
                    break
                found.append(Row(*values))
        except sqlite3.Error as error:
            self._fall_back(error)
        return found

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def _store(self, kind: str, text: str) -> None:
        self._try("INSERT INTO events (ts, kind, data) VALUES (?, ?, ?)", [(time.time(), kind, text)])

    def _try(self, statement: str, values: list[tuple[Any, ...]]) -> None:
        """Write, and once more in memory where the file does not take it."""
        for _ in range(2):
            if self._rows is None:
                return
            try:
                with self._rows:
                    self._rows.executemany(statement, values)
                    self._sweep(self._rows)
                return
            except sqlite3.Error as error:
                self._fall_back(error)

    def _open(self, path: str) -> None:
        self._rows = sqlite3.connect(path, timeout=0.5)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=OFF")
        self._rows.executescript(SCHEMA)
        with self._rows:
            found = self._rows.execute("SELECT epoch FROM numbering").fetchone()
            self.epoch = str(found[0])[:32] if found else uuid4().hex
            if not found:
                self._rows.execute("INSERT INTO numbering VALUES (?)", (self.epoch,))

    def _sweep(self, rows: sqlite3.Connection) -> None:
        if self._written % SWEEP_EVERY == 0:
            old = time.time() - KEPT_SECONDS
            rows.execute("DELETE FROM events WHERE ts < ?", (old,))
            rows.execute("DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?", (self._kept,))
            rows.execute("DELETE FROM stats WHERE ts < ?", (old,))
        self._written += 1

    def _fall_back(self, error: sqlite3.Error) -> None:
        """To memory, once; if that fails too there are only the log's lines."""
        in_memory = self._kept == IN_MEMORY_ROWS
        self.close()
        self._say("error", {"text": f"events are no longer written to the notes folder: {error}"})
        if not in_memory:
            self._kept = IN_MEMORY_ROWS
            with suppress(sqlite3.Error):
                self._open(":memory:")

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        fields = "".join(f" {key}={_plain(value)}" for key, value in data.items() if value is not None)
        sys.stdout.write(f"{stamp} {kind}{fields}\n")
        sys.stdout.flush()


def _fitting(data: dict[str, Any]) -> str:
    """JSON that fits a row: long texts are cut, and at last the detail is left out."""
    text = json.dumps(data, default=str)
    if len(text) <= ROW_LIMIT:
        return text
    text = json.dumps(_cut(data), default=str)
    return (
        text if len(text) <= ROW_LIMIT else json.dumps({**_cut(data, VALUE_LIMIT), "detail": "too long"}, default=str)
    )


def _cut(value: Any, limit: int = 4000) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else f"{value[:limit]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _cut(item, limit) for key, item in list(value.items())[:50]}
    return [_cut(item, limit) for item in value[:50]] if isinstance(value, list) else value


def _plain(value: object) -> str:
    """One line, no control characters; quoted where it holds white space."""
    text = str(value)
    if len(text) > VALUE_LIMIT:
        text = text[:VALUE_LIMIT] + "…"
    bare = text.isprintable() and " " not in text and text
    return text if bare else json.dumps(text, ensure_ascii=not text.isprintable())
