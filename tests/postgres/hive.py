"""The broker's hive of the tests with its data in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from tests.broker.hive import Hive
from tests.postgres.server import Server


class PostgresqlHive(Hive):
    """`template` is a migrated database of the server's, to be copied."""

    def __init__(self, server: Server, template: str) -> None:
        self.url = server.url(server.database(template))
        super().__init__()

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
        """It was copied already."""


def _translated(sql: str) -> Any:
    return sql.replace("?", "%s")
