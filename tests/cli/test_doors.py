"""Schedules, wake tokens and the policy's dry run on the operator's command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.hive import QuietHive

ROWS = """
from agents import jobs
from broker.schedules import Plan, create
agent("alice")
agent("bob")
say("alice", "bob", "to bob")
say("alice", "operator", "to the operator")
create(Plan("alice", "Look at the mail.", every=3600), approval_id=1, requested_by="agent:alice")
"""


@pytest.fixture(scope="module")
def hive() -> Iterator[QuietHive]:
    quiet = QuietHive()
    quiet.prepare(ROWS)
    yield quiet
    quiet.close()


def test_a_schedule_is_shown_changed_fired_and_ended(hive: QuietHive) -> None:
    (row,) = hive.ask("schedules")
    assert (row["agent"], row["every"], row["state"], row["fired"]) == ("alice", 3600, "active", 0)
    number = str(row["id"])
    changed = hive.ask("schedule", "edit", number, "--cron", "0 9 * * 1-5")
    assert (changed["prompt"], changed["every"], changed["cron"]) == ("Look at the mail.", None, "0 9 * * 1-5")
    assert hive.ask("schedule", "edit", number, "--prompt", "-", input="Other words")["cron"] == "0 9 * * 1-5"
    message = hive.ask("schedule", "fire", number)["message"]
    assert [(row["id"], row["body"]) for row in hive.ask("inbox", "alice")] == [(message, "Other words")]
    hive.ask("schedule", "cancel", number)
    assert hive.ask("schedules") == []
    assert hive.hivectl("schedule", "cancel", number).returncode == 3
    assert hive.hivectl("schedule", "fire", "77").returncode == 3


def test_a_schedule_is_begun_by_the_operators_own_word(hive: QuietHive) -> None:
    asked = hive.ask("schedule", "add", "bob", "Hello", "--every", "60")
    assert asked["status"] == "approved", "the worker takes it up"
    assert hive.ask("approvals", "--all")[0]["kind"] == "schedule_prompt"
    assert hive.hivectl("schedule", "add", "bob", "Hello", "--every", "5").returncode == 3
    assert hive.hivectl("schedule", "add", "nobody", "Hello", "--every", "60").returncode == 3
    assert hive.hivectl("schedule", "add", "bob", "Hello").returncode == 2
    assert hive.hivectl("schedule").returncode == 2


def test_a_wake_token_is_made_listed_and_revoked(hive: QuietHive) -> None:
    made = hive.ask("wake-token", "make", "alice", "--label", "ci")
    assert made["token"].startswith(f"wake-{made['id']}-")
    assert made["url"].endswith("/api/v1/wake/alice")
    (row,) = hive.ask("wake-token", "list")
    assert (row["agent"], row["label"], row["state"]) == ("alice", "ci", "valid")
    assert made["token"].split("-", 2)[2] not in str(row)
    assert hive.ask("wake-token", "list", "bob") == []
    assert hive.ask("wake-token", "revoke", str(row["id"]))["state"] == "revoked"
    assert hive.hivectl("wake-token", "revoke", str(row["id"])).returncode == 3
    assert hive.hivectl("wake-token", "make", "alice", "--label", "a b").returncode == 3


def test_the_dry_run_tells_what_a_policy_would_have_refused(hive: QuietHive) -> None:
    outcome = hive.ask("policy", "check", "alice", "--recipients", "operator,dora")
    assert (outcome["sent"], outcome["refused"], outcome["unknown"]) == (2, 1, ["dora"])
    assert [(hit["recipient"], hit["opening"]) for hit in outcome["messages"]] == [("bob", "to bob")]
    assert hive.ask("policy", "check", "alice", "--recipients", "*")["refused"] == 0
    assert hive.ask("policy", "check", "alice", "--recipients", "")["refused"] == 2
    assert "1 would be refused" in hive.hivectl("policy", "check", "alice", "--recipients", "bob").stdout
    assert hive.hivectl("policy", "check", "manager", "--recipients", "bob").returncode == 3
    assert hive.hivectl("policy", "check", "alice", "--recipients", "../x").returncode == 3
