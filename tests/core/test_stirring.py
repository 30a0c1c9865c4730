"""A write is noticed at once; silence costs nothing and is told as such."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agents import stirring
from agents.stirring import Stirring


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "database", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE numbers (number)")
        yield connection


def test_what_is_not_there_is_never_quiet(tmp_path: Path) -> None:
    assert not Stirring(tmp_path / "missing").is_quiet


def test_a_write_ends_the_wait_and_the_quiet(
    database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stirring, "AFTER_SECONDS", 0.0)
    watched = Stirring(tmp_path / "database")
    assert watched.is_quiet
    monkeypatch.setattr(stirring, "AFTER_SECONDS", 60.0)
    database.execute("INSERT INTO numbers VALUES (1)")
    begun = time.monotonic()
    watched.wait(30)
    assert time.monotonic() - begun < 5
    assert not watched.is_quiet
    watched.close()
