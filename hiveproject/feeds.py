"""What the tail follows: the change feed as SQLite and as PostgreSQL have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from agents import feed, readable
from agents.data_version import DataVersion
from agents.models import Change
from agents.notices import Notices
from agents.stirring import Stirring
from broker import sql

Changes = list[tuple[Any, ...]]
"""(id, topic, object id), oldest first"""

POLL_SECONDS = 0.01
_QUIET_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_BATCH = 1000
_TABLE = Change._meta.db_table


class Feed(Protocol):
    """A place in the change feed. Usable from any one thread at a time."""

    def rest(self, bell: int) -> None:
        """Return when there may be something new, or when `bell` can be read."""

    def stirred(self) -> bool:
        """Whether there is a reason to read."""

    def read(self) -> Changes:
        """What comes next, some of it; the place moves behind it. Raises `DatabaseError`."""

    def close(self) -> None: ...


def follow(database: Path) -> Feed:
    """The feed of the hive's database, from here on."""
    return SqliteFeed(database) if sql.is_sqlite() else PostgresqlFeed()


class SqliteFeed:
    """A look costs about 2 µs (`PRAGMA data_version`), waking the event loop for it would cost fifty times that.

    Rows are read only after somebody has committed, and while nobody writes nobody looks.
    """

    _NEXT = f"SELECT id, topic, object_id FROM {_TABLE} WHERE id > %s ORDER BY id LIMIT {_BATCH}"  # noqa: S608

    def __init__(self, database: Path) -> None:
        self._version = DataVersion(database)
        self._stirring = Stirring(database)
        self._last = feed.latest()

    def rest(self, bell: int) -> None:
        if self._stirring.is_quiet:
            readable.wait(_QUIET_SECONDS, self._stirring.fileno(), bell)
        else:
            readable.wait(POLL_SECONDS, bell)

    def stirred(self) -> bool:
        return self._version.changed()

    def read(self) -> Changes:
        changes = list(sql.rows(self._NEXT, self._last))
        self._last = changes[-1][0] if changes else self._last
        return changes

    def close(self) -> None:
        self._version.close()
        self._stirring.close()


class PostgresqlFeed:
    """Reads what no running transaction can still come before, by transaction and then by id.

    A row whose transaction is older than one that still runs has to wait for that one. Nobody pokes when it ends
    without a change of its own, so while something waits the reader looks again, ever less often.
    """

    # The place holds the transaction as text: xid8 has no type in Python.
    _NEXT = (
        "SELECT id, topic, object_id, xid::text, xid < pg_snapshot_xmin(pg_current_snapshot())"  # noqa: S608
        f" FROM {_TABLE} WHERE (xid, id) > (%s::text::xid8, %s) ORDER BY xid, id LIMIT {_BATCH}"
    )
    _HERE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"

    def __init__(self) -> None:
        self._notices = Notices()  # before the place is taken: what is committed in between is poked for
        (xmin,) = sql.row(self._HERE) or ("0",)
        self._place: tuple[str, int] = (xmin, 0)
        self._pause = 0.0

    def rest(self, bell: int) -> None:
        self._notices.wait(self._pause or _QUIET_SECONDS, bell)

    def stirred(self) -> bool:
        return self._notices.changed() or self._pause > 0

    def read(self) -> Changes:
        found = list(sql.rows(self._NEXT, *self._place))
        settled = [row for row in found if row[4]]
        if settled:
            self._place = (settled[-1][3], settled[-1][0])
        waits = len(settled) < len(found)
        self._pause = min((not settled and self._pause * 2) or _FIRST_PAUSE, _LONGEST_PAUSE) if waits else 0.0
        return [row[:3] for row in settled]

    def close(self) -> None:
        self._notices.close()
