"""Waiting for what other processes commit, on whichever database the hive has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import connection

from agents.data_version import DataVersion
from agents.notices import Notices

_POLL_SECONDS = 0.03


class Commits(Protocol):
    """Usable from any one thread at a time."""

    def changed(self) -> bool:
        """True when anything that somebody may be waiting for was committed since the last call."""

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or earlier where there may be news."""

    def close(self) -> None: ...


class _Polled(DataVersion):
    """SQLite tells nobody by itself, but being asked costs it next to nothing."""

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, _POLL_SECONDS))


def watch() -> Commits:
    """Watch from here on. Raises `DatabaseError` or the driver's own error where there is no database."""
    if connection.vendor == "sqlite":
        return _Polled(Path(settings.HIVE_PATHS.database))
    return Notices()
