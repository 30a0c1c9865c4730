"""What a change can be compared with, without git in the web process."""

from __future__ import annotations

import pytest

from agents import command
from approvals import bases, contents, decisions
from approvals.models import Approval, ApprovalContent, CommitFiles
from tests import builders
from tests.approvals import hive
from tests.approvals.hive import BEA, DEAD, PlayedContainers, fresh, nix, work

pytestmark = pytest.mark.django_db


def memory(base: bases.Base | None) -> tuple[str, str]:
    """(what agent.nix says, what the options say)"""
    assert base is not None
    assert base.files is not None
    text = str(base.files["agent.nix"])
    return text.split('"')[3] if "memoryMax" in text else "initial", (base.options or {}).get("memoryMax", "")


def test_running_last_approved_and_previous_queued(
    containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hive.spawned()
    failing = decisions.approve(hive.proposed(nix("3G")), actor=BEA)
    containers.health = DEAD
    hive.run_job(failing, "deploy")
    containers.health = hive.WELL
    work()
    denied = hive.proposed(nix("4G"))
    decisions.deny(denied, actor=BEA)
    approval = hive.proposed(nix("5G"))
    monkeypatch.setattr(command, "start", lambda *given, **more: pytest.fail("a page runs no program"))
    known = {base.name: base for base in bases.known(approval)}
    assert list(known) == ["running", "approved", "queued"]
    assert memory(known["running"]) == ("initial", "2G")
    assert (memory(known["approved"]), known["approved"].approval_id) == (("3G", "3G"), failing.pk)
    assert (memory(known["queued"]), known["queued"].approval_id) == (("4G", "4G"), denied.pk)
    assert bases.of(approval, "nonsense") is None


def test_once_decided_it_is_compared_with_what_ran_then(containers: PlayedContainers) -> None:
    hive.spawned()
    first = decisions.approve(hive.proposed(nix("3G")), actor=BEA)
    work()
    second = decisions.approve(hive.proposed(nix("4G")), actor=BEA)
    work()
    assert memory(bases.of(fresh(first), "running"))[0] == "initial"
    assert memory(bases.of(fresh(second), "running"))[0] == "3G"
    approved = bases.of(fresh(second), "approved")
    assert approved is not None
    assert approved.approval_id == first.pk


def test_a_first_spawn_has_nothing_before_it() -> None:
    approval = builders.approval(builders.agent("bob", lifecycle="requested", deployment=None), kind="spawn")
    assert bases.known(approval) == [bases.Base("running", "", None, {}, None)]


def test_a_rollback_can_be_looked_at_before_it_is_asked_for(containers: PlayedContainers) -> None:
    alice = hive.spawned()
    decisions.approve(hive.proposed(nix("3G")), actor=BEA)
    work()
    alice = hive.agent()
    found = bases.rollback(alice, "deployed/0")
    assert found is not None
    runs, would_run = found
    assert (memory(runs)[0], memory(would_run)[0]) == ("3G", "initial")
    assert (runs.options or {})["memoryMax"] == "3G"
    for tag in ("deployed/99", "failed/1", "deployed/x", ""):
        assert bases.rollback(alice, tag) is None


def test_files_that_nobody_has_kept_are_read_by_a_worker(containers: PlayedContainers) -> None:
    hive.spawned()
    approval = hive.proposed(nix())
    ApprovalContent.objects.exclude(approval=approval).delete()
    base = bases.of(approval, "running")
    assert base is not None
    assert base.files is None
    contents.request(approval.agent, base.commit, actor=BEA)
    work()
    assert memory(bases.of(approval, "running"))[0] == "initial"
    assert CommitFiles.objects.count() == 1
    contents.request(approval.agent, base.commit, actor=BEA)
    work()
    assert CommitFiles.objects.count() == 1
    assert Approval.objects.get(pk=approval.pk).status == "pending"
