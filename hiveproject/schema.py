"""Tells without Django whether a database has every migration of this code, so that a start need not wait for that.

The mark of the migrations is kept in the database: SQLite has a number of the user's own for it (`user_version`,
PRAGMA), PostgreSQL the comment of a table.
"""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import django

from hiveproject import databases

_CODE = Path(__file__).resolve().parent.parent
_MARKED = "django_migrations"
_CONNECT_SECONDS = 5


def mark() -> int:
    """A number for this code's migrations and Django's."""
    names = sorted(str(file.relative_to(_CODE)) for file in _CODE.glob("*/migrations/[0-9]*.py"))
    return zlib.crc32("\n".join([django.get_version(), *names]).encode()) & 0x7FFFFFFF


def is_current(file: Path, url: str = "") -> bool:
    """Whether `prepare` has brought the database (PostgreSQL's where there is a `url`) up to date with this code.

    False also where it cannot be asked, as by root where the server knows the hive's user only.
    """
    return (_on_postgresql(url) if url else _on_sqlite(file)) == mark()


def set_mark(connection: Any) -> None:
    """Remember on Django's `connection` that every migration of this code has run."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA user_version = {mark()}")
        else:
            cursor.execute(f"COMMENT ON TABLE {_MARKED} IS '{mark()}'")


def _on_sqlite(file: Path) -> int | None:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=_CONNECT_SECONDS)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return None


def _on_postgresql(url: str) -> int | None:
    import psycopg

    parts = {"connect_timeout": str(_CONNECT_SECONDS), **databases.conninfo(url)}
    try:
        with psycopg.connect(**parts) as connection:  # type: ignore[arg-type]
            found = connection.execute("SELECT obj_description(to_regclass(%s))", [_MARKED]).fetchone()
    except psycopg.Error:
        return None
    return int(found[0]) if found and str(found[0]).isdecimal() else None
