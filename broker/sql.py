"""Statements of the hot path. They go past Django's cursor, which costs ten times what they do.

One text serves SQLite and PostgreSQL; what differs between the two in the broker is here.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from agents import readable
from agents.models import Change

Row = tuple[Any, ...]
_BUSY_MS = 20_000
_held = threading.local()


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
    here = _wrapper()
    with here.wrap_database_errors:
        if here.vendor == "sqlite":
            here.connection.executemany(_translated(statement), values)
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


def refresh() -> None:
    """Outside a transaction: a connection that the server has closed meanwhile is made anew by the next statement.

    An idle connection has nothing to read unless it was told of its end.
    """
    here = _wrapper_of_thread()
    raw = here.connection
    if raw is None or is_sqlite():
        return
    if raw.closed or (readable.wait(0, raw.fileno()) and not here.is_usable()):
        here.close()


def locking(alias: str) -> str:
    """Ends a query whose rows are about to be changed: another transaction that wants them waits.

    SQLite needs no such word, its transactions wait for each other as a whole.
    """
    return "" if is_sqlite() else f" FOR UPDATE OF {alias}"


def is_sqlite() -> bool:
    return bool(_wrapper_of_thread().vendor == "sqlite")


def now() -> object:
    """The time as a parameter of a statement."""
    return moment(timezone.now())


def moment(at: datetime) -> object:
    """A time as a parameter of a statement."""
    return _wrapper_of_thread().ops.adapt_datetimefield_value(at)


def time(value: object) -> datetime | None:
    """A time that a statement has found: SQLite keeps it as text."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _execute(statement: str, values: Sequence[Any]) -> Any:
    """Errors become Django's; entering its context manager each time would cost as much as the statement."""
    here = _wrapper()
    try:
        if here.vendor == "sqlite":
            return here.connection.execute(_translated(statement), values)
        return _cursor().execute(statement, values, prepare=True)
    except here.Database.Error:
        with here.wrap_database_errors:
            raise


class NotNow(Exception):
    """Somebody else holds the lock."""


@contextmanager
def at_once(shared: Any) -> Iterator[None]:
    """A transaction on an open SQLite connection, in any thread that nobody else uses it in meanwhile.

    It never waits: raises `NotNow`. Inside it only the statements of this module will do, not the ORM.
    """
    raw, before = shared.connection, getattr(_held, "wrapper", None)
    with shared.wrap_database_errors:
        _begin_now(raw)
        _held.wrapper = shared
        try:
            yield
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        finally:
            _held.wrapper = before


def _begin_now(raw: Any) -> None:
    raw.execute("PRAGMA busy_timeout=0")
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise NotNow from error
    finally:
        raw.execute(f"PRAGMA busy_timeout={_BUSY_MS}")


def hold(wrapper: Any) -> None:
    """Have the statements of this thread use Django's `wrapper` without looking it up each time."""
    _held.wrapper = wrapper


def _wrapper_of_thread() -> Any:
    return getattr(_held, "wrapper", None) or connections[DEFAULT_DB_ALIAS]


def _wrapper() -> Any:
    wrapper = _wrapper_of_thread()
    if wrapper.connection is None:
        wrapper.ensure_connection()
    return wrapper


def _raw() -> Any:
    return _wrapper().connection


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
