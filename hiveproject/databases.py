"""Which database the hive keeps its data in: SQLite in the state root, or the PostgreSQL that DATABASE_URL names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_SCHEMES = ("postgresql://", "postgres://")
# "hive": the lock under which one start migrates while others wait.
_LOCK = 0x68697665
_OWN = ("dbname", "user", "password", "host", "port", "options")
_WAIT_SECONDS = 20


def settings_for(url: str, file: Path) -> dict[str, Any]:
    """Django's settings of the database. Raises `ImproperlyConfigured` where `url` is none of PostgreSQL."""
    return postgresql(url) if url else sqlite(file)


def sqlite(file: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "OPTIONS": {
            # DEFERRED loses read-then-write transactions to any other writer; IMMEDIATE waits its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": _WAIT_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """As libpq reads it (PostgreSQL documentation, 34.1.1.2): a Unix socket is `postgresql:///NAME?host=/FOLDER`."""
    parts = conninfo(url)
    from hiveproject import pgtext

    pgtext.install()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "OPTIONS": {
            "application_name": "hyperhive",
            "connect_timeout": 5,
            **{name: value for name, value in parts.items() if name not in _OWN},
            "options": f"{parts.get('options', '')} {_session()}".strip(),
        },
    }


def conninfo(url: str) -> dict[str, str]:
    """The parts of the URL by libpq's names. Raises `ImproperlyConfigured`; never shows the password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    if not url.startswith(_SCHEMES):
        raise ImproperlyConfigured("DATABASE_URL: only PostgreSQL's is taken, such as postgresql:///hive")
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise ImproperlyConfigured("DATABASE_URL: libpq cannot read it: percent-encode what is no letter") from error
    if not parts.get("dbname"):
        raise ImproperlyConfigured("DATABASE_URL: names no database, such as the last word of postgresql:///hive")
    return parts


def shown(connection: Any) -> str:
    """How a person knows the database of Django's `connection`, without any password."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    return f"the database {settings['NAME']!r} on {settings['HOST'] or 'the local PostgreSQL'}"


@contextmanager
def alone(connection: Any) -> Iterator[None]:
    """Meanwhile nobody else is in here on the same database. SQLite's is one start's own by the hive's locks."""
    if connection.vendor == "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _session() -> str:
    """What each connection asks for, whatever the server's own defaults are.

    A commit is on disk before anybody hears of it; who waits for a lock gives up as with SQLite.
    """
    return f"-c synchronous_commit=on -c lock_timeout={_WAIT_SECONDS}s -c client_min_messages=warning"
