"""kill -9 of the worker at each step between approve and deployed: it ends deployed or failed, never in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hiveproject.supervisor.child import FAST_SECONDS
from tests.system.hive import Hive, running_hive
from tests.system.processes import age, kill, pid_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
ONE, OTHER = (f'{{ ... }}: {{ hyperhive.driver = "scripted"; hyperhive.memoryMax = "{size}G"; }}\n' for size in (1, 3))
STEPS = {
    "approved/N": r"before update-ref refs/tags/approved/",
    "approved/N planted": r"after update-ref refs/tags/approved/",
    "building/N": r"before update-ref refs/tags/building/",
    "checkout": r"before read-tree --reset",
    "evaluate": r"before verb evaluate",
    "the copy of meta": r"after verb evaluate",
    "stop": r"before verb stop",
    "stopped": r"after verb stop",
    "started": r"after verb start",
    "deployed/N": r"before update-ref refs/tags/deployed/",
    "main": r"before update-ref refs/heads/main",
    "meta": r"before commit-tree",
    "meta's main": r"before /meta/.git .*update-ref refs/heads/main",
    "meta's files": r"before /meta/.git .*read-tree",
}
QUICK = ("stopped", "deployed/N")
"""Those that every test run does; `tests/approvals/test_driven_again.py` has every step without processes."""


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive(DJANGO_SETTINGS_MODULE="tests.system.pausing") as one:
        one.running("hm1nd", 60)
        one.ctl("spawn", "alice", "--yes", "--wait")
        one.running("alice", 60)
        for text in (ONE, OTHER):
            number = one.propose(text)
            assert number["ok"], number
            (waiting,) = one.ctl("approvals")
            one.ctl("approve", str(waiting["id"]), "--wait")
        yield one


def _pause(hive: Hive, where: str) -> Path:
    paused = hive.state / "paused"
    paused.unlink(missing_ok=True)
    (hive.state / "pause").write_text(where)
    return paused


def _kill_worker(hive: Hive) -> None:
    """One that has lived a while: the hive stops when its worker dies at once, again and again."""
    pid = pid_of(hive, "worker")
    hive.wait_until(lambda: age(pid) > FAST_SECONDS, 60)
    kill(hive, "worker")


def _ended(hive: Hive, number: int) -> str:
    """The status it ended with, once everything is quiet again."""
    is_open = f"SELECT count(*) FROM approvals_approval WHERE id = {number} AND finished_at IS NULL"
    active = "SELECT count(*) FROM agents_job WHERE status IN ('queued', 'running')"
    hive.wait_until(lambda: hive.database(is_open) + hive.database(active) == 0, 150)
    return str(hive.approval(number)["status"])


def _agrees(hive: Hive, number: int, status: str) -> None:
    """Rows, git's tags, main, the meta flake and what runs say the same."""
    started = "SELECT running FROM agents_agent WHERE name = 'alice'"
    hive.wait_until(lambda: hive.database(started), 60)
    row = hive.row("alice")
    commit = hive.approval(number)["commit"]
    tags = hive.git("alice", "tag").splitlines()
    assert {tag for tag in tags if tag in (f"deployed/{number}", f"failed/{number}")} == {f"{status}/{number}"}
    assert (row["deployed_tag"] == f"deployed/{number}") == (status == "deployed")
    assert hive.git("alice", "rev-parse", "main") == row["deployed_sha"]
    if status == "deployed":
        assert hive.git("alice", "rev-parse", f"deployed/{number}^{{commit}}") == commit == row["deployed_sha"]
    text = hive.git("alice", "show", "main:agent.nix")
    assert (hive.state / "meta/agents/alice/tree/agent.nix").read_text().strip() == text
    mirrored = "SELECT count(*) FROM approvals_tag t JOIN agents_agent a ON a.id = t.agent_id WHERE a.name = 'alice'"
    assert hive.database(mirrored) == len(tags)


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=() if step in QUICK else pytest.mark.slow) for step in STEPS]
)
def test_it_is_finished_by_the_next_worker(hive: Hive, step: str) -> None:
    target = _other_deploy(hive)
    paused = _pause(hive, STEPS[step])
    number = hive.ctl("rollback", "alice", target, "--reason", step)["id"]
    hive.wait_until(paused.exists, 90)
    (hive.state / "pause").unlink()
    _kill_worker(hive)
    status = _ended(hive, number)
    assert status == "deployed"
    _agrees(hive, number, status)


def _other_deploy(hive: Hive) -> str:
    """A deploy of the commit that does not run now."""
    runs = hive.row("alice")["deployed_sha"]
    for tag in reversed(hive.git("alice", "tag", "--list", "deployed/*", "--sort=creatordate").splitlines()):
        if tag != "deployed/0" and hive.git("alice", "rev-parse", f"{tag}^{{commit}}") != runs:
            return tag
    raise AssertionError("only one commit was ever deployed")


@pytest.mark.slow
def test_an_approved_commit_is_finished_too(hive: Hive) -> None:
    result = hive.propose(ONE.replace("1G", "4G"))
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    paused = _pause(hive, r"after verb stop")
    hive.ctl("approve", str(waiting["id"]))
    hive.wait_until(paused.exists, 90)
    (hive.state / "pause").unlink()
    _kill_worker(hive)
    assert _ended(hive, waiting["id"]) == "deployed"
    _agrees(hive, waiting["id"], "deployed")


@pytest.mark.slow
def test_killed_three_times_it_fails_and_the_old_one_runs(hive: Hive) -> None:
    before = hive.row("alice")["deployed_tag"]
    paused = _pause(hive, r"before verb start")
    number = hive.ctl("rollback", "alice", _other_deploy(hive), "--reason", "try")["id"]
    hive.wait_until(lambda: age(pid_of(hive, "worker")) > FAST_SECONDS, 60)
    for _ in range(3):
        hive.wait_until(paused.exists, 90)
        paused.unlink()
        kill(hive, "worker")
    given_up = f"SELECT ending = 'failed' FROM approvals_approval WHERE id = {number}"
    hive.wait_until(lambda: hive.database(given_up), 90)
    (hive.state / "pause").unlink()
    if paused.exists():
        kill(hive, "worker")
    assert _ended(hive, number) == "failed"
    _agrees(hive, number, "failed")
    assert hive.row("alice")["deployed_tag"] == before


@pytest.mark.slow
def test_a_cancelled_build_ends_at_once_and_what_ran_runs_on(hive: Hive) -> None:
    before = hive.row("alice")
    result = hive.propose(ONE.replace("1G", "5G"))
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    web = kill(hive, "web", signal.SIGSTOP)
    try:
        hive.ctl("approve", str(waiting["id"]))
        # No harness can connect now: the build stands at the health gate.
        started = "SELECT started_deployment_id <> deployment_id FROM agents_agent WHERE name = 'alice'"
        hive.wait_until(lambda: hive.database(started), 90)
        hive.ctl("cancel", str(waiting["id"]), "--note", "changed my mind")
    finally:
        os.kill(web, signal.SIGCONT)
    assert _ended(hive, waiting["id"]) == "cancelled"
    row = hive.running("alice", 60)
    assert row["deployed_tag"] == before["deployed_tag"]
    assert "alice" in hive.ask("alice", "still you?", 60)
    number = waiting["id"]
    assert {f"deployed/{number}", f"failed/{number}"}.isdisjoint(hive.git("alice", "tag").splitlines())
