"""Deciding, sending and upkeep from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.hive import QuietHive


def _pending(hive: QuietHive) -> str:
    return str(hive.ask("approvals")[0]["id"])


def test_approve_records_the_operators_decision_and_a_job(hive: QuietHive) -> None:
    row = hive.ask("approve", _pending(hive))
    assert (row["status"], row["decided_by"]) == ("approved", "operator")
    assert row["job"] > 0


def test_a_second_decision_is_refused_and_says_who_decided(hive: QuietHive) -> None:
    """The first one's note has several lines and comes from standard input."""
    number, note = _pending(hive), "no:\n\n# this is no comment\nlater"
    assert hive.ask("deny", number, "--note", "-", input=f"{note}\n")["note"] == note
    second = hive.hivectl("approve", number)
    assert second.returncode == 3
    assert "already denied by operator" in second.stderr


def test_people_see_what_was_decided(hive: QuietHive) -> None:
    number = _pending(hive)
    assert hive.hivectl("deny", number).stdout == f"Approval {number} (apply commit of alice) is denied.\n"


def test_send_says_which_message_it_is(hive: QuietHive) -> None:
    sent = hive.ask("send", "manager", "-", input="good morning\n")
    assert sent["to"] == ["hm1nd"]
    assert hive.ask("inbox", "hm1nd")[0]["id"] == sent["id"]


def test_without_a_worker_a_request_is_recorded_and_a_person_told(hive: QuietHive) -> None:
    done = hive.hivectl("spawn", "dora")
    assert (done.returncode, "is pinning" in done.stdout) == (0, True)
    assert "worker does not run" in done.stderr


def test_a_new_password_is_printed_once(hive: QuietHive) -> None:
    reset = hive.ask("operator", "reset")
    assert reset["username"] == "operator"
    assert len(reset["password"]) >= 12


def test_a_sign_in_link_points_at_the_dashboard(hive: QuietHive) -> None:
    assert hive.ask("operator", "link")["url"].startswith("http://127.0.0.1:7999/sign-in/link/")


def test_the_audit_log_is_verified(hive: QuietHive) -> None:
    checked = hive.ask("audit", "verify")
    assert checked["broken"] is None
    assert checked["events"] > 0


def test_a_rewritten_audit_log_is_found_out(hive: QuietHive) -> None:
    with closing(sqlite3.connect(hive.root / "s" / "hive.sqlite", timeout=20)) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE approvals_auditevent SET actor = 'nobody' WHERE id = 1")
        database.commit()
    done = hive.hivectl("audit", "verify", "--json")
    assert done.returncode == 1
    assert '"broken": 1' in done.stdout
