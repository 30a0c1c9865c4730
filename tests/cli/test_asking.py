"""Drafts, shared inputs and cancelling from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.hive import QuietHive


def test_a_draft_is_made_listed_and_thrown_away(hive: QuietHive) -> None:
    assert hive.ask("draft", "create", "dee")["kind"] == "draft"
    (row,) = hive.ask("draft", "list")
    assert (row["name"], row["made_by"]) == ("dee", "operator:operator")
    assert "dee" in hive.hivectl("draft", "list").stdout
    assert hive.ask("draft", "discard", "dee")["kind"] == "discard"


def test_what_is_no_draft_is_not_thrown_away(hive: QuietHive) -> None:
    done = hive.hivectl("draft", "discard", "alice")
    assert (done.returncode, "no draft" in done.stderr) == (3, True)
    assert hive.hivectl("draft", "discard").returncode == 3
    assert hive.hivectl("draft", "burn", "alice").returncode == 2


def test_newer_inputs_are_asked_for_once(hive: QuietHive) -> None:
    row = hive.ask("update-inputs", "--description", "newer tools")
    assert (row["kind"], row["agent"], row["status"]) == ("update_inputs", "hm1nd", "pinning")
    again = hive.hivectl("update-inputs")
    assert (again.returncode, f"approval {row['id']} is pinning" in again.stderr) == (3, True)


def test_a_request_is_taken_back(hive: QuietHive) -> None:
    number = str(hive.ask("approvals")[0]["id"])
    assert hive.ask("cancel", number, "--note", "too early")["status"] == "cancelled"


def test_a_decision_can_say_what_was_seen(hive: QuietHive) -> None:
    row = hive.ask("approvals")[0]
    with closing(sqlite3.connect(hive.root / "s" / "hive.sqlite")) as database, database:
        database.execute("UPDATE approvals_approval SET fresh_look = 1 WHERE id = ?", (row["id"],))
    number = str(row["id"])
    blind = hive.hivectl("approve", number)
    assert (blind.returncode, "look at it again" in blind.stderr) == (3, True)
    assert hive.hivectl("approve", number, "--seen", "something").returncode == 3
    assert hive.ask("approve", number, "--seen", row["shown"])["status"] == "approved"
