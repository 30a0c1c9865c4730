"""The whole swarm held and let go by the command line, on a real hive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.hive import Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        one.running("hm1nd")
        one.ctl("spawn", "alice", "--yes", "--wait")
        one.running("alice")
        yield one


def test_all_are_held_and_answer_once_they_are_thawed(hive: Hive) -> None:
    done = hive.ctl("freeze", "--all")
    assert sorted(done["agents"]) == ["alice", "hm1nd"]
    assert {row["name"]: row["frozen"] for row in hive.ctl("list")} == {"alice": True, "hm1nd": True}
    sent = hive.ctl("send", "alice", "are you there?")
    assert not [row for row in hive.ctl("inbox") if row["in_reply_to"] == sent["id"]]
    hive.ctl("thaw", "--all")
    answered = lambda: [row for row in hive.ctl("inbox") if row["in_reply_to"] == sent["id"]]  # noqa: E731
    assert "alice" in hive.wait_until(answered, 60)[0]["body"]


def test_one_alone_is_held_and_can_be_stopped_and_started(hive: Hive) -> None:
    assert hive.ctl("freeze", "alice")["agents"] == ["alice"]
    hive.ctl("stop", "alice", "--wait")
    hive.ctl("start", "alice", "--wait")
    assert not hive.running("alice")["frozen"]
    assert "alice" in hive.ask("alice", "hello")


def test_freezing_nothing_is_refused(hive: Hive) -> None:
    assert "name one agent" in hive.ctl("freeze", code=3)
    assert "name one agent" in hive.ctl("freeze", "alice", "--all", code=3)
    hive.ctl("stop", "alice", "--wait")
    assert "does not run" in hive.ctl("freeze", "alice", code=3)


def test_a_pause_holds_messages_back_until_it_is_over(hive: Hive) -> None:
    hive.ctl("start", "alice", "--wait")
    assert hive.ctl("pause", "alice")["state"] == "done"
    sent = hive.ctl("send", "alice", "hello")
    assert hive.row("alice")["paused"]
    hive.ctl("resume", "alice")
    answered = lambda: [row for row in hive.ctl("inbox") if row["in_reply_to"] == sent["id"]]  # noqa: E731
    assert hive.wait_until(answered, 60)
    assert "no turn runs" in hive.ctl("interrupt", "alice", code=1)
    assert hive.ctl("audit", "verify")
