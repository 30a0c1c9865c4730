"""Tells without Django whether a database has every migration of this code, so that a start need not wait for that."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import django

_CODE = Path(__file__).resolve().parent.parent


def mark() -> int:
    """A number for this code's migrations and Django's; kept in the database's `user_version` (SQLite, PRAGMA)."""
    names = sorted(str(file.relative_to(_CODE)) for file in _CODE.glob("*/migrations/[0-9]*.py"))
    return zlib.crc32("\n".join([django.get_version(), *names]).encode()) & 0x7FFFFFFF


def is_current(database: Path) -> bool:
    """Whether `prepare` has brought this database up to date with this code."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == mark())
    except sqlite3.Error:
        return False
