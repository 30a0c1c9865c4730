"""The broker's hive of the tests with its data in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from tests.broker.hive import Hive
from tests.postgres.server import Server


class PostgresqlHive(Hive):
    """Its database is at `url`; whoever makes it has migrated that."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__()

    @classmethod
    def copied(cls, server: Server, template: str) -> PostgresqlHive:
        """On a copy of a migrated database."""
        return cls(server.url(server.database(template)))

    @classmethod
    def fresh(cls, server: Server) -> PostgresqlHive:
        """On a database of its own, migrated now."""
        hive = cls(server.url(server.database()))
        hive.manage("migrate", "--verbosity=0")
        return hive

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DATABASE_URL": self.url}

    def execute(self, sql: str, *values: object) -> int:
        returning = " RETURNING id" if sql.startswith("INSERT") else ""
        with psycopg.connect(self.url) as database:
            done = database.execute(_translated(sql) + returning, values)
            return int(done.fetchall()[0][0]) if returning else 0

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as database:
            return database.execute(_translated(sql), values).fetchall()

    def _make_database(self, template: Path | None) -> None:
        """Not in a file."""


def _translated(sql: str) -> Any:
    return sql.replace("?", "%s")
