"""One hive, walked from the first start to the last Ctrl-C, in the order a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.system.hive import Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

FASTER = '{ ... }:\n{\n  hyperhive.driver = "scripted";\n  hyperhive.memoryMax = "1G";\n}\n'
BROKEN = "{ ... }:\n{\n  hyperhive.driver = nonsense;\n}\n"


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        yield one


def test_it_is_well_and_has_its_manager(hive: Hive) -> None:
    assert hive.healthz() == (200, {"status": "ok", "web": "ok", "worker": "ok", "database": "ok"})
    assert hive.running("hm1nd")["container"] == "hm1nd"


def test_a_spawn_waits_for_the_operator_and_shows_its_diff(hive: Hive) -> None:
    hive.ctl("spawn", "alice")
    waiting = hive.wait_until(lambda: hive.ctl("approvals"))
    assert [(row["agent"], row["kind"], row["status"]) for row in waiting] == [("alice", "spawn", "pending")]
    assert hive.row("alice") == {} or not hive.row("alice")["running"]


def test_an_approved_spawn_runs(hive: Hive) -> None:
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]), "--wait")
    row = hive.running("alice")
    assert row["deployed_tag"] == f"deployed/{waiting['id']}"
    assert row["deployed_sha"] == hive.git("alice", "rev-parse", "refs/heads/main")
    assert hive.git("alice", "rev-parse", "deployed/0^{commit}") == row["deployed_sha"]
    assert (row["web_port"], row["vnc_port"], row["container"]) == (8879, 16679, "h-alice")


def test_she_answers_the_operator(hive: Hive) -> None:
    assert "alice" in hive.ask("alice", "hello")


def test_she_writes_to_the_manager(hive: Hive) -> None:
    (result,) = hive.steps("alice", {"tool": "send", "args": {"to": "hm1nd", "body": "good morning"}})
    assert result["ok"]
    inbox = hive.ctl("inbox", "hm1nd")
    assert any(row["sender"] == "alice" and row["body"] == "good morning" for row in inbox)


def test_the_manager_proposes_and_exactly_that_commit_runs(hive: Hive) -> None:
    result = hive.propose(FASTER)
    assert result["ok"], result
    (waiting,) = hive.ctl("approvals")
    assert waiting["requested_by"] == "hm1nd"
    hive.ctl("approve", str(waiting["id"]), "--wait")
    assert hive.settled(waiting["id"])["status"] == "deployed"
    assert hive.git("alice", "rev-parse", f"deployed/{waiting['id']}^{{commit}}") == waiting["commit"]
    assert hive.running("alice")["deployed_sha"] == waiting["commit"]


def test_a_commit_that_does_not_evaluate_never_reaches_the_operator(hive: Hive) -> None:
    before = hive.row("alice")["deployed_sha"]
    result = hive.propose(BROKEN)
    assert not result["ok"]
    assert "nonsense" in result["output"]
    assert hive.ctl("approvals") == []
    failed = hive.ctl("approvals", "--all")[0]
    assert failed["status"] == "failed"
    assert hive.git("alice", "cat-file", "-t", f"failed/{failed['id']}") == "tag"
    assert "nonsense" in hive.git("alice", "tag", "-l", "--format=%(contents)", f"failed/{failed['id']}")
    assert hive.row("alice")["deployed_sha"] == before
    assert hive.row("alice")["running"]


def test_a_denial_keeps_its_note_in_git(hive: Hive) -> None:
    hive.propose(FASTER.replace("1G", "3G"))
    (waiting,) = hive.ctl("approvals")
    note = "not now:\n\n# memory is short\nask again on monday"
    hive.ctl("deny", str(waiting["id"]), "--note", note)
    tag = f"denied/{waiting['id']}"
    hive.wait_until(lambda: tag in hive.git("alice", "tag"))
    assert hive.git("alice", "cat-file", "-t", tag) == "tag"
    assert hive.git("alice", "tag", "-l", "--format=%(contents)", tag) == note
    assert "already denied" in hive.ctl("approve", str(waiting["id"]), code=3)


def test_a_rollback_puts_the_first_deploy_back(hive: Hive) -> None:
    first = hive.git("alice", "rev-parse", "deployed/0^{commit}")
    hive.ctl("rollback", "alice", "deployed/0", "--reason", "it was better", "--wait")
    row = hive.running("alice")
    assert row["deployed_sha"] == first
    newest = hive.ctl("approvals", "--all")[0]
    assert (newest["kind"], newest["decided_by"]) == ("rollback", "operator")
    assert row["deployed_tag"] == f"deployed/{newest['id']}"
    assert hive.git("alice", "tag", "-l", "--format=%(contents)", row["deployed_tag"]) == "it was better"
    assert hive.git("alice", "rev-parse", "refs/heads/main") == first


def test_stop_start_restart(hive: Hive) -> None:
    hive.ctl("stop", "alice", "--wait")
    assert not hive.row("alice")["running"]
    hive.ctl("start", "alice", "--wait")
    assert hive.row("alice")["running"]
    hive.ctl("restart", "alice", "--wait")
    assert "alice" in hive.ask("alice", "still there?")


def test_destroy_keeps_notes_and_revive_finds_them(hive: Hive) -> None:
    hive.steps("alice", {"write": {"path": "notes.md", "text": "remember me"}})
    hive.ctl("destroy", "alice", "--wait")
    assert hive.row("alice") == {}
    assert hive.ctl("status", "alice")["state"] == "kept"
    hive.ctl("spawn", "alice", "--yes", "--wait")
    hive.running("alice")
    (result,) = hive.steps("alice", {"run": {"argv": ["cat", "/agents/alice/state/notes.md"]}})
    assert result["output"].strip() == "remember me"


def test_purge_leaves_nothing(hive: Hive) -> None:
    hive.ctl("destroy", "alice", "--purge", "--wait")
    for folder in ("agents/alice", "applied/alice", "shared/alice"):
        assert not (hive.state / folder).exists(), folder
    assert "no agent" in hive.ctl("status", "alice", code=3)


def test_the_audit_chain_is_whole(hive: Hive) -> None:
    assert hive.ctl("audit", "verify")["broken"] is None


def test_a_second_start_finds_the_same_hive_and_ctrl_c_leaves_nothing(hive: Hive) -> None:
    hive.ctl("spawn", "bob", "--yes", "--wait")
    assert hive.interrupt() == 0
    assert hive.processes() == []
    hive.start()
    hive.running("bob")
    hive.running("hm1nd")
    assert "bob" in hive.ask("bob", "hello again")
    assert json.dumps(hive.ctl("approvals")) == "[]"
