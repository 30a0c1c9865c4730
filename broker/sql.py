"""Statements of the hot path. They go past Django's cursor, which costs ten times what they do.

One text serves SQLite and PostgreSQL; what differs between the two in the broker is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.utils import timezone

from agents.models import Change

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """Where rows are added. `columns` are the values' names and PostgreSQL types, `fixed` literals of every row."""

    name: str
    columns: Mapping[str, str]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)


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
        if is_sqlite():
            _raw().executemany(_translated(statement), values)
        else:
            _cursor().executemany(statement, values)


def insert(table: Table, values: Sequence[Row]) -> None:
    """Add rows; ids that the database gives out rise in their order."""
    if is_sqlite():
        change_many(_values(table), values)
    elif values:
        change(_unnest(table), *(list(column) for column in zip(*values, strict=True)))


def ids(table: str, count: int) -> Sequence[int]:
    """The next ids of a table, rising, nobody else's.

    On SQLite they are only taken by inserting them: the transaction holds the write lock (IMMEDIATE).
    """
    if is_sqlite():
        newest = row("SELECT seq FROM sqlite_sequence WHERE name = %s", table)
        first = (newest[0] if newest else 0) + 1
        return range(first, first + count)
    sequence = f"{table}_id_seq"
    return [number for (number,) in rows("SELECT nextval(%s) FROM generate_series(1, %s)", sequence, count)]


def choose_durability(level: str) -> None:
    """`full` or `normal`, for this thread's connection. On PostgreSQL every commit is on disk."""
    if is_sqlite():
        change(f"PRAGMA synchronous={level.upper()}")


def agents_version() -> object:
    """Another value whenever other connections may have changed what policy reads of agents.

    SQLite tells of any write but this connection's. On PostgreSQL triggers append to the feed what policy reads.
    """
    if is_sqlite():
        return row("PRAGMA data_version")
    return row(f"SELECT count(*), sum(id) FROM {Change._meta.db_table} WHERE topic = 'directory'")  # noqa: S608


def locking(alias: str) -> str:
    """Ends a query whose rows are about to be changed: another transaction that wants them waits.

    SQLite needs no such word, its transactions wait for each other as a whole.
    """
    return "" if is_sqlite() else f" FOR UPDATE OF {alias}"


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


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
        if is_sqlite():
            return _raw().execute(_translated(statement), values)
        return _cursor().execute(statement, values, prepare=True)


def _raw() -> Any:
    connection.ensure_connection()
    return connection.connection


def _cursor() -> Any:
    """Prepares what it runs, as Django's own does not by default."""
    from psycopg import Cursor

    return Cursor(_raw())


@lru_cache
def _translated(statement: str) -> str:
    return statement.replace("%s", "?")


@lru_cache
def _values(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in (*table.columns, *table.fixed))
    marks = ", ".join(["%s"] * len(table.columns) + list(table.fixed.values()))
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608


@lru_cache
def _unnest(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in (*table.columns, *table.fixed))
    given = ", ".join(["added.*", *table.fixed.values()])
    arrays = ", ".join(f"%s::{kind}[]" for kind in table.columns.values())
    return f"INSERT INTO {table.name} ({names}) SELECT {given} FROM unnest({arrays}) AS added"  # noqa: S608
