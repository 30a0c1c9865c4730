"""Questions, search and dead letters on the operator's command line; no web process runs."""

from __future__ import annotations

import pytest

from tests.cli.hive import QuietHive

ROWS = """
from datetime import timedelta
from django.utils import timezone
from broker import deadletters, questions
agent("alice")
agent("bob")
alice, operator = Sender.agent("alice"), Sender.operator("operator")
questions.ask(alice, "operator", "May I \\x1b[31mpaint?", options=["yes", "no"])
questions.ask(alice, "bob", "between us?")
for number in range(2):
    send(alice, "bob", f"the zeppelin {number}", ttl_seconds=1)
deadletters.expire_due(timezone.now() + timedelta(hours=1))
say("operator", "alice", "zeppelins everywhere")
"""


@pytest.fixture(scope="module")
def talking() -> QuietHive:
    quiet = QuietHive()
    quiet.prepare(ROWS)
    return quiet


@pytest.fixture(scope="module", autouse=True)
def _closed(talking: QuietHive) -> object:
    yield
    talking.close()


def test_the_operator_reads_and_answers_its_questions(talking: QuietHive) -> None:
    (question,) = talking.ask("questions")
    assert (question["asker"], question["options"], question["state"]) == ("alice", ["yes", "no"], "open")
    shown = talking.hivectl("questions").stdout
    assert "\x1b" not in shown
    assert "  - yes" in shown
    done = talking.ask("answer", str(question["id"]), "yes, in green")
    assert (done["state"], done["answer"]) == ("answered", "yes, in green")
    assert talking.ask("questions") == []
    (reply,) = [row for row in talking.ask("inbox", "alice") if row["in_reply_to"] == question["message"]]
    assert (reply["sender"], reply["body"].splitlines()[0]) == ("operator", "yes, in green")


def test_what_is_not_the_operators_to_answer_is_refused(talking: QuietHive) -> None:
    refused = talking.hivectl("answer", "2", "yes")
    assert refused.returncode == 3
    assert "no question 2 for you" in refused.stderr
    assert talking.hivectl("answer", "77", "yes").returncode == 3


def test_the_operator_asks_an_agent(talking: QuietHive) -> None:
    asked = talking.ask("ask", "bob", "-", "--option", "now", "--option", "later", "--ttl", "60", input="When?")
    assert (asked["target"], asked["question"], asked["options"]) == ("bob", "When?", ["now", "later"])
    assert asked["expires_at"]
    assert "When?" in talking.ask("inbox", "bob")[0]["body"]
    assert talking.hivectl("ask", "nobody", "x").returncode == 3
    assert talking.hivectl("ask", "bob", "x", "--ttl", "0").returncode == 3


def test_messages_are_found_by_their_words(talking: QuietHive) -> None:
    rows = talking.ask("search", "zeppelin*")
    assert [row["body"] for row in rows if row["sender"] != "system"] == [
        "zeppelins everywhere",
        "the zeppelin 1",
        "the zeppelin 0",
    ]
    assert [row["body"] for row in talking.ask("search", "zeppelin*", "--agent", "bob")] == [
        "the zeppelin 1",
        "the zeppelin 0",
    ]
    assert talking.ask("search", "zeppelin*", "--limit", "1", "--agent", "bob", "--before", str(rows[-1]["id"])) == []
    assert talking.hivectl("search", "?").returncode == 3
    assert "No message matches." in talking.hivectl("search", "nonesuch").stdout


def test_dead_letters_are_decided_by_their_ids(talking: QuietHive) -> None:
    first, second = talking.ask("dead-letters")
    assert (first["sender"], first["recipient"], first["body"]) == ("alice", "bob", "the zeppelin 0")
    assert "expired" in first["why"]
    assert talking.hivectl("dead-letters", "discard").returncode == 3, "an empty selection selects nothing"
    assert len(talking.ask("dead-letters")) == 2
    assert talking.ask("dead-letters", "retry", str(first["id"])) == [{"id": first["id"], "done": True}]
    assert talking.ask("dead-letters", "discard", str(second["id"]))
    assert talking.ask("dead-letters") == []
    assert talking.hivectl("dead-letters", "retry", str(second["id"])).returncode == 1
