"""One line per event on stdout, a row in the notes folder."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from agents.harness.journal import KEPT_SECONDS, Journal


def rows(path: Path) -> list[tuple[str, dict[str, object]]]:
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT kind, data FROM events ORDER BY seq").fetchall()
    database.close()
    return [(kind, json.loads(data)) for kind, data in found]


def test_an_event_is_one_line_and_one_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path / "events.sqlite")
    journal("turn_ended", outcome="failed", error='two\nlines "and" \x1b[31mred', nothing=None)
    journal.close()
    [line] = capsys.readouterr().out.splitlines()
    assert line[20:] == " ".join(["", "turn_ended", "outcome=failed", r'error="two\nlines \"and\" \u001b[31mred"'])
    assert rows(tmp_path / "events.sqlite")[0][1]["outcome"] == "failed"


def test_long_values_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Journal(None)("error", text="x" * 5000)
    assert len(capsys.readouterr().out) < 400


def test_rows_older_than_a_week_go(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    first = Journal(path)
    first("old")
    first.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE events SET ts = ?", (time.time() - KEPT_SECONDS - 1,))
    database.close()
    second = Journal(path)
    second("new")
    second.close()
    assert [kind for kind, _ in rows(path)] == ["new"]


def test_a_spoilt_database_costs_the_rows_and_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.sqlite").write_text("not a database, " * 100)
    journal = Journal(tmp_path / "events.sqlite")
    journal("one")
    journal("two")
    lines = capsys.readouterr().out.splitlines()
    assert ["no longer written" in line for line in lines] == [True, False, False]
