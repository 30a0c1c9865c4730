"""What was decided is bound to what was seen: any difference supersedes, and nothing is switched."""

from __future__ import annotations

import pytest

from agents import actors, configuration, jobs
from agents.models import Agent, Job
from agents.nixconfig.evaluate import Evaluation
from approvals import decisions, digests, inputs, requests, verifying
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent
from tests.approvals import hive
from tests.approvals.hive import BEA, PlayedContainers, fresh, nix, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def approval(containers: PlayedContainers) -> Approval:
    """Approved, not yet built."""
    hive.spawned()
    decided = decisions.approve(hive.proposed(nix()), actor=BEA)
    containers.calls.clear()
    return decided


def superseded(approval: Approval, containers: PlayedContainers, reason: str) -> None:
    before = hive.agent().deployment
    work()
    after = fresh(approval)
    assert (after.status, reason in after.note) == ("superseded", True), after.note
    assert not [call for call in containers.calls if call.endswith("alice")], "nothing was switched"
    assert hive.agent().deployment == before
    assert f"deployed/{approval.pk}" not in hive.tags()
    assert AuditEvent.objects.filter(approval_id=approval.pk, to_status="superseded").count() == 1


def test_another_generation(approval: Approval, containers: PlayedContainers) -> None:
    """A rollback that was asked for later, but ran first."""
    back = requests.rollback("alice", "deployed/0", reason="first", actor=BEA)
    jobs.run(Job.objects.get(approval_id=back.pk).pk)
    assert fresh(back).status == "deployed"
    containers.calls.clear()
    superseded(approval, containers, f"Another deploy ran by the time this was built: deployed/{back.pk}")


def test_another_tree(approval: Approval, containers: PlayedContainers) -> None:
    Approval.objects.filter(pk=approval.pk).update(tree="4" * 40)
    superseded(approval, containers, "holds the tree")


def test_another_commit_than_the_proposed_one(approval: Approval, containers: PlayedContainers) -> None:
    main = hive.main()
    tree = configuration.applied("alice").tree_of(main or "")
    Approval.objects.filter(pk=approval.pk).update(commit=main, tree=tree)
    superseded(approval, containers, "What was proposed is")


def test_a_commit_that_is_gone(approval: Approval, containers: PlayedContainers) -> None:
    Approval.objects.filter(pk=approval.pk).update(commit="5" * 40)
    superseded(approval, containers, "is not in the repository any more")


def test_another_lock(approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "meta_lock", lambda: b"{}")
    superseded(approval, containers, "shared inputs (flake.lock)")


def test_a_lock_that_changes_while_it_is_built(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = configuration.build

    def meanwhile(*given: object) -> Evaluation:
        monkeypatch.setattr(configuration, "meta_lock", lambda: b"{}")
        return build(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(configuration, "build", meanwhile)
    superseded(approval, containers, "shared inputs (flake.lock)")
    assert hive.tags()[f"building/{approval.pk}"] == approval.commit


def test_other_options(approval: Approval, containers: PlayedContainers) -> None:
    options = {**approval.options, "memoryMax": "9G", "network": "host"}
    Approval.objects.filter(pk=approval.pk).update(options=options)
    superseded(approval, containers, "other options than those that were shown: memoryMax, network")


def test_nothing_else_supersedes(approval: Approval, containers: PlayedContainers) -> None:
    Agent.objects.filter(name="alice").update(status_text="busy", paused=True)
    work()
    assert fresh(approval).status == "deployed"


def test_the_pin_stores_what_it_is_bound_to(containers: PlayedContainers) -> None:
    hive.spawned()
    approval = hive.proposed(nix())
    assert approval.tree == configuration.applied("alice").tree_of(approval.commit)
    assert approval.lock_hash == inputs.lock_hash(b"")
    assert approval.options["memoryMax"] == "3G"
    assert decisions.approve(approval, actor=BEA).decided_on == hive.agent().deployment_id


def test_amendments_after_the_pin_change_nothing(containers: PlayedContainers) -> None:
    hive.spawned()
    approval = hive.proposed(nix("3G"))
    hive.committed(nix("4G"))
    decisions.approve(approval, actor=BEA)
    work()
    assert hive.agent().deployment.options["memoryMax"] == "3G"  # type: ignore[union-attr]


def test_what_was_seen_must_be_what_would_run(containers: PlayedContainers) -> None:
    hive.spawned()
    first, second = hive.proposed(nix("3G")), hive.proposed(nix("4G"))
    seen = digests.shown(second)
    decisions.approve(first, actor=BEA)
    work()
    with pytest.raises(DecisionRefused, match="changed since you looked"):
        decisions.approve(fresh(second), actor=BEA, seen=seen)
    assert fresh(second).status == "pending"
    decisions.approve(fresh(second), actor=BEA, seen=digests.shown(fresh(second)))


def test_a_fresh_look_is_asked_for_once_it_is_needed(containers: PlayedContainers) -> None:
    hive.spawned()
    approval = hive.proposed(nix())
    Approval.objects.filter(pk=approval.pk).update(fresh_look=True)
    with pytest.raises(DecisionRefused, match="look at it again"):
        decisions.approve(fresh(approval), actor=BEA)
    with pytest.raises(DecisionRefused, match="look at it again"):
        decisions.approve(fresh(approval), actor=actors.SYSTEM)
    assert decisions.approve(fresh(approval), actor=BEA, seen=digests.shown(fresh(approval))).status == "approved"


def test_a_repository_without_its_baseline_is_refused_with_the_way_out(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = configuration.applied("alice")
    (repository.path / ".git/refs/tags/deployed/0").unlink(missing_ok=True)
    (repository.path / ".git/packed-refs").unlink(missing_ok=True)
    work()
    assert (fresh(approval).status, "predates the tags" in fresh(approval).note) == ("failed", True)


def test_a_rollback_is_bound_to_commit_and_tree(containers: PlayedContainers) -> None:
    hive.spawned()
    back = requests.rollback("alice", "deployed/0", reason="why not", actor=BEA)
    assert back.tree == configuration.applied("alice").tree_of(back.commit)
    Approval.objects.filter(pk=back.pk).update(tree="4" * 40)
    with pytest.raises(verifying.Superseded):
        verifying.verify(fresh(back))
    work()
    assert fresh(back).status == "superseded"
