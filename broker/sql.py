"""Statements of the hot path. On SQLite they go past Django's cursor, which costs ten times what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.utils import timezone

Row = tuple[Any, ...]


def rows(statement: str, *values: object) -> Iterable[Row]:
    """What a query finds, as it is read. Parameters are `%s`."""
    return _execute(statement, values)  # type: ignore[no-any-return]


def row(statement: str, *values: object) -> Row | None:
    """The first row that a query finds."""
    found: Row | None = _execute(statement, values).fetchone()
    return found


def change(statement: str, *values: object) -> int:
    """Run a statement; how many rows it touched."""
    return int(_execute(statement, values).rowcount)


def change_many(statement: str, values: Sequence[Row]) -> None:
    """Run a statement once for each row of values."""
    if not values:
        return
    with connection.wrap_database_errors:
        if connection.vendor == "sqlite":
            _sqlite().executemany(_translated(statement), values)
        else:
            connection.cursor().executemany(statement, values)


def now() -> object:
    """The time as a parameter of a statement."""
    return moment(timezone.now())


def moment(at: datetime) -> object:
    """A time as a parameter of a statement."""
    return connection.ops.adapt_datetimefield_value(at)


def time(value: object) -> datetime | None:
    """A time that a statement has found: SQLite keeps it as text."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _execute(statement: str, values: Sequence[Any]) -> Any:
    with connection.wrap_database_errors:
        if connection.vendor == "sqlite":
            return _sqlite().execute(_translated(statement), values)
        cursor = connection.cursor()
        cursor.execute(statement, values)
        return cursor


def _sqlite() -> Any:
    connection.ensure_connection()
    return connection.connection


@lru_cache
def _translated(statement: str) -> str:
    return statement.replace("%s", "?")
