"""What hivectl shows, to programs exactly so and to people readably; no web process runs."""

from __future__ import annotations

from tests.builders import COMMIT
from tests.cli.hive import QuietHive

LIST_KEYS = [
    "name",
    "container",
    "running",
    "failed",
    "needs_update",
    "needs_login",
    "paused",
    "frozen",
    "web_port",
    "vnc_port",
]
LIST_KEYS += ["deployed_tag", "deployed_sha", "driver", "active_model", "status_text", "status_set_at", "inbox_depth"]
APPROVAL_KEYS = ["id", "agent", "kind", "status", "commit", "requested_by", "requested_at"]
APPROVAL_KEYS += ["decided_by", "decided_at", "note", "shown"]
INBOX_KEYS = ["id", "sender", "to", "body", "created_at", "in_reply_to", "state"]


def test_list_is_a_bare_array_of_agents_that_have_a_container(hive: QuietHive) -> None:
    rows = hive.ask("list")
    assert [row["name"] for row in rows] == ["hm1nd", "alice"]
    assert all(list(row) == LIST_KEYS for row in rows)
    alice = rows[1]
    assert (alice["container"], alice["web_port"], alice["vnc_port"]) == ("h-alice", 8879, 16679)
    assert (alice["deployed_tag"], alice["deployed_sha"], alice["driver"]) == ("deployed/0", COMMIT, "scripted")
    assert (alice["inbox_depth"], alice["running"], alice["active_model"]) == (1, False, None)


def test_people_get_a_table_that_no_agent_can_paint(hive: QuietHive) -> None:
    shown = hive.hivectl("list").stdout
    assert shown.splitlines()[0].split() == ["NAME", "STATE", "DRIVER", "DEPLOYED", "INBOX", "STATUS"]
    assert "\x1b" not in shown
    assert "thinking" in shown


def test_status_has_the_row_and_more(hive: QuietHive) -> None:
    status = hive.ask("status", "alice")
    assert list(status)[: len(LIST_KEYS)] == LIST_KEYS
    assert (status["state"], status["wanted"]) == ("starting", True)


def test_status_knows_kept_state_and_the_managers_other_name(hive: QuietHive) -> None:
    assert hive.ask("status", "kip")["state"] == "kept"
    assert hive.ask("status", "manager")["name"] == "hm1nd"


def test_approvals_are_what_waits_the_oldest_first(hive: QuietHive) -> None:
    rows = hive.ask("approvals")
    assert all(list(row) == APPROVAL_KEYS for row in rows)
    assert {(row["status"], row["requested_by"], row["decided_by"]) for row in rows} == {("pending", "hm1nd", None)}
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_all_approvals_are_the_newest_first(hive: QuietHive) -> None:
    newest = hive.ask("approvals", "--all")[0]
    assert (newest["status"], newest["decided_by"], newest["requested_by"]) == ("deployed", "operator", "operator")


def test_the_inbox_is_the_operators_or_an_agents(hive: QuietHive) -> None:
    (answer,) = [row for row in hive.ask("inbox") if row["sender"] == "alice"]
    assert list(answer) == INBOX_KEYS
    (question,) = hive.ask("inbox", "alice")
    assert (question["sender"], question["state"], answer["in_reply_to"]) == ("operator", "queued", question["id"])
    assert "with two lines" in hive.hivectl("inbox").stdout


def test_logs_are_lines(hive: QuietHive) -> None:
    assert hive.ask("logs", "alice") == []


def test_json_may_stand_before_the_verb(hive: QuietHive) -> None:
    assert hive.hivectl("--json", "list").stdout == hive.hivectl("list", "--json").stdout
