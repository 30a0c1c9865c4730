"""What is of high risk, two persons, and the audit log, from the command line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.cli.hive import QuietHive

ROWS = """
from django.contrib.auth.models import User
agent("hm1nd")
alice = agent("alice")
HIGH = [{"rule": "mode", "level": "high", "where": "x", "text": "It matters."}]
for number in range(4):
    approval(alice, flags=HIGH)
User.objects.create_superuser("grace", password="a long password")
User.objects.create_user("guest", password="a long password")
"""


@pytest.fixture(scope="module")
def hive() -> Iterator[QuietHive]:
    quiet = QuietHive()
    try:
        quiet.prepare(ROWS)
        yield quiet
    finally:
        quiet.close()


def waiting(hive: QuietHive) -> str:
    return str(hive.ask("approvals")[0]["id"])


def test_high_risk_asks_for_the_name(hive: QuietHive) -> None:
    number = waiting(hive)
    refused = hive.hivectl("approve", number)
    assert (refused.returncode, "type the agent's name, alice" in refused.stderr) == (3, True)
    assert hive.hivectl("approve", number, "--name", "bob").returncode == 3
    row = hive.ask("approve", number, "--name", "alice", "--note", "looked at it")
    assert (row["status"], row["note"]) == ("approved", "looked at it")


def test_who_decides_can_be_named_and_has_to_be_allowed_to(hive: QuietHive) -> None:
    number = waiting(hive)
    for account, reason in (("nobody", "no account 'nobody'"), ("guest", "guest may look, not decide")):
        refused = hive.hivectl("deny", number, "--as", account)
        assert (refused.returncode, reason in refused.stderr) == (3, True)
    assert hive.ask("deny", number, "--as", "grace")["decided_by"] == "grace"


def test_two_persons_approve_one_after_the_other(hive: QuietHive) -> None:
    hive.environment["HYPERHIVE_TWO_PERSON"] = "yes"
    number = waiting(hive)
    first = hive.hivectl("approve", number, "--name", "alice", "--wait")
    assert "operator has consented: somebody else has to approve it too." in first.stdout
    again = hive.hivectl("approve", number, "--name", "alice")
    assert (again.returncode, "operator has consented already" in again.stderr) == (3, True)
    row = hive.ask("approve", number, "--name", "alice", "--as", "grace")
    assert (row["status"], row["decided_by"]) == ("approved", "grace")


def test_a_request_is_taken_back(hive: QuietHive) -> None:
    row = hive.ask("cancel", waiting(hive), "--note", "-", input="not\nneeded\n")
    assert (row["status"], row["note"]) == ("cancelled", "not\nneeded")


def test_the_export_is_a_line_for_each_event_oldest_first(hive: QuietHive) -> None:
    lines = hive.hivectl("audit", "export").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert [row["previous"] for row in rows][1:] == [row["digest"] for row in rows][:-1]
    assert rows == hive.ask("audit", "export")


def test_the_export_can_be_filtered(hive: QuietHive) -> None:
    rows = hive.ask("audit", "export", "--actor", "grace")
    assert {row["actor"] for row in rows} == {"operator:grace"}
    assert hive.ask("audit", "export", "--since", "2099-01-01") == []
    assert hive.hivectl("audit", "export", "--since", "yesterday").returncode == 3


def test_a_noted_digest_shows_that_the_end_was_cut_off(hive: QuietHive) -> None:
    head = hive.ask("audit", "verify")["head"]
    assert hive.hivectl("audit", "verify", "--head", head).returncode == 0
    with closing(sqlite3.connect(hive.root / "s" / "hive.sqlite", timeout=20)) as database:
        database.execute("DROP TRIGGER audit_refuses_delete")
        database.execute("DELETE FROM approvals_auditevent WHERE digest = ?", [head])
        database.commit()
    assert hive.hivectl("audit", "verify").returncode == 0, "the chain alone cannot tell"
    cut = hive.hivectl("audit", "verify", "--head", head)
    assert (cut.returncode, "newer events were removed" in cut.stderr) == (1, True)


def test_the_first_broken_link_is_named(hive: QuietHive) -> None:
    with closing(sqlite3.connect(hive.root / "s" / "hive.sqlite", timeout=20)) as database:
        database.execute("DROP TRIGGER audit_refuses_update")
        database.execute("UPDATE approvals_auditevent SET note = 'forged' WHERE id = 2")
        database.commit()
    broken = hive.hivectl("audit", "verify")
    assert broken.returncode == 1
    assert "event 2 (" in broken.stderr
    assert "its fields are not those that were written" in broken.stderr
