from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hiveproject import databases


def test_without_a_url_it_is_sqlite_in_the_state_root(tmp_path: Path) -> None:
    found = databases.settings_for("", tmp_path / "hive.sqlite")
    assert found["ENGINE"].endswith("sqlite3")
    assert found["NAME"] == tmp_path / "hive.sqlite"


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password"),
    [
        ("postgresql:///hive", "", "", "", ""),
        ("postgres://db.example:5433/hive", "db.example", "5433", "", ""),
        ("postgresql://me:p%40ss%2F@localhost/hive", "localhost", "", "me", "p@ss/"),
        ("postgresql:///hive?host=/run/postgresql&user=me", "/run/postgresql", "", "me", ""),
        ("postgresql://me@%2Frun%2Fpostgresql/hive", "/run/postgresql", "", "me", ""),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(url: str, host: str, port: str, user: str, password: str) -> None:
    found = databases.postgresql(url)
    assert found["NAME"] == "hive"
    assert (found["HOST"], found["PORT"], found["USER"], found["PASSWORD"]) == (host, port, user, password)


def test_what_else_the_url_says_reaches_the_driver_and_commits_wait_for_the_disk() -> None:
    found = databases.postgresql("postgresql://db/hive?sslmode=verify-full&options=-c%20work_mem%3D8MB")["OPTIONS"]
    assert found["sslmode"] == "verify-full"
    assert found["options"].startswith("-c work_mem=8MB ")
    assert "-c synchronous_commit=on" in found["options"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://db/hive", "only PostgreSQL"),
        ("hive.sqlite", "only PostgreSQL"),
        ("postgresql://me:sec ret@db/hive", "percent-encode"),
        ("postgresql://db/hive?colour=blue", "libpq cannot read it"),
        ("postgresql://db", "names no database"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_its_password(url: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says) as refusal:
        databases.settings_for(url, Path("x"))
    assert "sec ret" not in str(refusal.value)
