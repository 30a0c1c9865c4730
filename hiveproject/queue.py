"""Huey's queue, fitted to the hive: JSON instead of pickle, and a worker that wakes when something is queued."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from typing import Any

from huey import Huey
from huey.registry import Message
from huey.storage import SqliteStorage

from agents.data_version import DataVersion
from agents.stirring import Stirring

_POLL_SECONDS = 0.02
_WAIT_SECONDS = 5.0


class JsonSerializer:
    """Tasks as JSON: a forged row in the queue names a task and ids, it is never code."""

    def serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def deserialize(self, data: bytes) -> Any:
        value = json.loads(bytes(data))
        if isinstance(value, list) and len(value) == len(Message._fields):
            return Message(*value)
        return value


class WakingStorage(SqliteStorage):  # type: ignore[misc]
    """SQLite storage whose `dequeue` waits for a write instead of sleeping through it.

    Stock polling backs off to 10 s when idle; here one thread wakes the workers when the database has changed.
    """

    blocking = True

    def __init__(self, name: str, filename: str) -> None:
        super().__init__(name, filename, create_tables=False, fsync=False)
        self._written = threading.Condition()
        self._watcher: threading.Thread | None = None

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        for statement in self.ddl:
            connection.execute(statement)
        return connection

    def dequeue(self) -> Any:
        self._start_watcher()
        item = super().dequeue()
        if item is None:
            with self._written:
                self._written.wait(_WAIT_SECONDS)
            item = super().dequeue()
        return item

    def _start_watcher(self) -> None:
        with self._written:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="queue-watch", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        version, stirring = DataVersion(self.filename), Stirring(self.filename)
        while True:
            if stirring.is_quiet:
                stirring.wait(_WAIT_SECONDS)
            else:
                time.sleep(_POLL_SECONDS)
            if version.changed():
                self.wake()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        with self._written:
            self._written.notify_all()


class HiveHuey(Huey):  # type: ignore[misc]
    """The hive's task queue. Results are never stored: the job rows are the truth."""

    def __init__(self, name: str, filename: str) -> None:
        super().__init__(
            name=name,
            filename=filename,
            storage_class=WakingStorage,
            serializer=JsonSerializer(),
            results=False,
            immediate=False,
        )
