"""kill -9 where it hurts: nothing is lost, nothing runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.hive import Hive, running_hive
from tests.system.processes import kill

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

# Evaluates for about a second: time enough to kill the worker in the middle.
SLOW = """{ ... }:
let
  count = n: acc: if n == 0 then acc else count (n - 1) (acc + builtins.length (builtins.genList (x: x) 2000));
  sum = builtins.foldl' (a: n: a + count 40 0) 0 (builtins.genList (x: x) 400);
in
{
  hyperhive.driver = "scripted";
  hyperhive.memoryMax = if sum > 0 then "1G" else "2G";
}
"""


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        one.running("hm1nd")
        one.ctl("spawn", "alice", "--yes", "--wait")
        one.running("alice")
        yield one


def test_a_worker_killed_in_a_build_finishes_it_after_its_restart(hive: Hive) -> None:
    result = hive.propose(SLOW)
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]))
    building = f"SELECT status = 'building' FROM approvals_approval WHERE id = {waiting['id']}"
    hive.wait_until(lambda: hive.database(building), 60)
    kill(hive, "worker")
    assert hive.settled(waiting["id"], 60)["status"] == "deployed"
    assert hive.running("alice")["deployed_sha"] == waiting["commit"]
    assert hive.git("alice", "rev-parse", f"deployed/{waiting['id']}^{{commit}}") == waiting["commit"]
    assert "alice" in hive.ask("alice", "still you?")


def test_a_web_process_killed_in_a_conversation_loses_nothing(hive: Hive) -> None:
    sent = [hive.ctl("send", "alice", f"message {number}")["id"] for number in range(5)]
    kill(hive, "web")
    sent += [hive.ctl("send", "alice", f"message {number}")["id"] for number in range(5, 10)]

    def answered() -> bool:
        return set(sent) <= {row["in_reply_to"] for row in hive.ctl("inbox")}

    hive.wait_until(answered, 60)
    answers = [row["in_reply_to"] for row in hive.ctl("inbox") if row["in_reply_to"] in sent]
    assert sorted(answers) == sorted(sent), "each was answered exactly once"


def test_agents_outlive_the_worker(hive: Hive) -> None:
    alice = hive.running("alice")
    worker = kill(hive, "worker")
    hive.wait_until(lambda: hive.healthz()[0] == 200, 30)
    assert hive.row("alice")["running"]
    assert hive.row("alice")["deployed_tag"] == alice["deployed_tag"]
    assert not Path(f"/proc/{worker}").exists()


def test_a_crashed_agent_is_told(hive: Hive) -> None:
    hive.steps("alice", {"run": {"argv": ["sh", "-c", 'setsid -f sh -c "sleep 0.5; kill -9 $PPID"; echo soon']}})
    row = hive.wait_until(lambda: (row := hive.row("alice"))["failed"] and row, 20)
    assert not row["running"]
    assert any("alice" in row["body"] for row in hive.ctl("inbox") if row["sender"] == "system")
    hive.ctl("start", "alice", "--wait")
    assert not hive.row("alice")["failed"]
