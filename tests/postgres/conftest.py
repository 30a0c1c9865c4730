"""Tests of this folder find PostgreSQL behind Django's `default`; hives of their own get databases beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler

from hiveproject import databases
from tests.broker.conftest import hive, names
from tests.postgres.hive import PostgresqlHive
from tests.postgres.server import Server, running

__all__ = ["hive", "names"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture
def own_server() -> Iterator[Server]:
    """One that the test may end and start again."""
    with running() as one:
        yield one


@pytest.fixture(scope="session")
def migrated(server: Server, django_db_setup: None, django_db_blocker: Any) -> str:
    """The name of a migrated database, to be copied; nobody stays connected to it."""
    name = server.database()
    with django_db_blocker.unblock(), default_on(server.url(name)):
        call_command("migrate", verbosity=0)
    return name


@pytest.fixture(scope="module", autouse=True)
def _postgresql(server: Server, migrated: str) -> Iterator[None]:
    with default_on(server.url(server.database(migrated))):
        yield


@pytest.fixture(scope="session")
def shared(server: Server, migrated: str) -> Iterator[PostgresqlHive]:
    hive = PostgresqlHive.copied(server, migrated)
    hive.start()
    yield hive
    hive.close()


@pytest.fixture
def own_hive(server: Server, migrated: str) -> Iterator[PostgresqlHive]:
    hive = PostgresqlHive.copied(server, migrated)
    yield hive
    hive.close()


@contextmanager
def default_on(url: str) -> Iterator[None]:
    """Every connection that is made meanwhile, in any thread, is to this database."""
    before, mine = connections.settings["default"], connections["default"]
    connections.settings["default"] = ConnectionHandler({"default": databases.postgresql(url)}).settings["default"]
    del connections["default"]
    _let_tests_empty_the_audit_log(connections["default"].ops)
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = before
        connections["default"] = mine


def _let_tests_empty_the_audit_log(ops: Any) -> None:
    """Tests that commit are cleaned up by emptying every table, which the audit log's triggers rightly refuse."""
    original, table = ops.sql_flush, "ALTER TABLE approvals_auditevent"

    def sql_flush(*args: Any, **kwargs: Any) -> list[str]:
        return [f"{table} DISABLE TRIGGER USER", *original(*args, **kwargs), f"{table} ENABLE TRIGGER USER"]

    ops.sql_flush = sql_flush
