"""Tells without polling that a PostgreSQL database has something new in its change feed (LISTEN, NOTIFY).

A notice carries nothing: it is only a reason to look. While the server is away there is nothing to see, and its
return is a reason to look, since notices of the meantime are lost.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db import connection

from agents import readable

CHANNEL = "hive_changes"
_RETRY_SECONDS = 0.5


class Notices:
    """Listens on a connection of its own; usable from any one thread at a time."""

    def __init__(self) -> None:
        """Listens from here on. Raises `psycopg.OperationalError` where there is no server."""
        self._parameters = connection.get_connection_params()
        self._connection: psycopg.Connection[Any] | None = None
        self._retry_at = 0.0
        self._listen()

    def changed(self) -> bool:
        """True when something was committed since the last call, and once after each new connection."""
        try:
            if self._connection is None:
                return self._is_back()
            return bool(list(self._connection.notifies(timeout=0)))
        except psycopg.Error:
            self.close()
            return False

    def wait(self, seconds: float, *others: int) -> None:
        """Return when there is a reason to look, when one of `others` can be read, or after `seconds`."""
        if self._connection is None:
            readable.wait(min(seconds, max(0.0, self._retry_at - time.monotonic())), *others)
        else:
            readable.wait(seconds, self._connection.fileno(), *others)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _is_back(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        self._listen()
        return True

    def _listen(self) -> None:
        fresh: psycopg.Connection[Any] = psycopg.connect(**self._plain(), autocommit=True)
        fresh.execute(f"LISTEN {CHANNEL}")
        self._connection = fresh

    def _plain(self) -> dict[str, Any]:
        """As Django would connect, without what only Django's own connections need."""
        ours = ("cursor_factory", "context", "prepare_threshold")
        return {name: value for name, value in self._parameters.items() if name not in ours}
