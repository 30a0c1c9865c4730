"""Migrations, and how a start knows that they have run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from hiveproject import schema
from tests.postgres.conftest import default_on
from tests.postgres.hive import PostgresqlHive
from tests.postgres.server import Server

pytestmark = pytest.mark.django_db(transaction=True)
_LEFT = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
    " AND relname ~ '^(agents|approvals|broker|change|audit|message)_'"
    " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
)


def test_every_migration_of_the_hive_can_be_taken_back_and_done_again(server: Server, migrated: str) -> None:
    with default_on(server.url(server.database(migrated))):
        for app in ("approvals", "broker", "agents"):
            call_command("migrate", app, "zero", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(_LEFT)
            assert cursor.fetchall() == []
        call_command("migrate", verbosity=0)


def test_only_what_prepare_has_marked_is_current(server: Server) -> None:
    url = server.url(server.database())
    assert not schema.is_current(Path("unused"), url), "an empty database"
    with default_on(url):
        call_command("migrate", verbosity=0)
        assert not schema.is_current(Path("unused"), url)
        schema.set_mark(connection)
    assert schema.is_current(Path("unused"), url)


def test_a_server_that_is_not_there_is_not_current(server: Server) -> None:
    assert not schema.is_current(Path("unused"), f"postgresql:///hive?host={server.root}/nowhere")


def test_two_starts_at_once_migrate_once(server: Server) -> None:
    url = server.url(server.database())
    hives = [PostgresqlHive(url) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(lambda hive: hive.manage("prepare"), hives))
    finally:
        for hive in hives:
            hive.close()
    assert all('"sign_in"' in words for words in said)
    with psycopg.connect(url) as database:
        found = database.execute("SELECT count(*), count(DISTINCT (app, name)) FROM django_migrations").fetchone()
    assert found is not None
    assert found[0] == found[1] > 0


def test_a_wrong_address_ends_the_start_with_one_line_that_names_the_database(server: Server) -> None:
    hive = PostgresqlHive(f"postgresql:///hive?host={server.root}&user=nobody&password=secret")
    try:
        with pytest.raises(Exception, match="the database 'hive' on") as failure:
            hive.manage("prepare")
    finally:
        hive.close()
    assert "secret" not in str(failure.value)
