"""From approved to deployed, and every other way it can end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents import configuration, events
from agents.models import Agent
from approvals import decisions, endings, requests
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent
from approvals.requests import RequestRefused
from hiveproject import overview
from tests.approvals import hive
from tests.approvals.hive import BEA, DEAD, EVIDENCE, MANAGER, MUTE, PlayedContainers, fresh, nix, work

pytestmark = pytest.mark.django_db


def approved(text: str, description: str = "") -> Approval:
    return decisions.approve(hive.proposed(text, description=description), actor=BEA)


def test_what_was_approved_runs_and_its_tags_say_so(containers: PlayedContainers) -> None:
    first = hive.spawned().deployment
    approval = approved(nix("3G"))
    work()
    alice = hive.agent()
    assert fresh(approval).status == "deployed"
    assert alice.deployment is not None
    assert alice.deployment != first
    assert (alice.deployment.commit, alice.deployment.options["memoryMax"]) == (approval.commit, "3G")
    planted = hive.tags()
    number = approval.pk
    assert {planted[f"{state}/{number}"] for state in ("proposal", "approved", "building", "deployed")} == {
        approval.commit
    }
    assert hive.main() == approval.commit
    assert "3G" in hive.meta_file("agents/alice/tree/agent.nix")


@pytest.mark.parametrize(("health", "says"), [(DEAD, "ended right after its start"), (MUTE, "did not answer a ping")])
def test_what_is_not_well_is_put_back_with_the_evidence(
    containers: PlayedContainers, settings: object, health: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hive.spawned()
    told: list[events.Event] = []
    monkeypatch.setattr(events, "_subscribers", [told.append])
    settings.HIVE_HEALTH_SECONDS = 1  # type: ignore[attr-defined]
    approval = approved(nix())
    containers.health = health
    next_job_only()
    containers.health = hive.WELL
    work()
    failed = fresh(approval)
    assert (failed.status, says in failed.note, EVIDENCE in failed.note) == ("failed", True, True)
    assert EVIDENCE in hive.message(f"failed/{approval.pk}")
    assert f"deployed/{approval.pk}" not in hive.tags()
    alice = hive.agent()
    assert (alice.deployment, alice.started_deployment, alice.running) == (before.deployment, before.deployment, True)
    assert hive.main() == before.deployment.commit  # type: ignore[union-attr]
    assert "3G" not in hive.meta_file("agents/alice/tree/agent.nix")
    assert any(set(event.to) == {"operator", "hm1nd"} and EVIDENCE in event.text for event in told)
    assert any("alice failed" in item.title for item in overview.attention())


def next_job_only() -> None:
    from agents import jobs
    from agents.models import Job

    jobs.run(Job.objects.filter(status=Job.Status.QUEUED).earliest("id").pk)


def test_the_same_failed_commit_needs_a_note(containers: PlayedContainers) -> None:
    hive.spawned()
    approval = approved(nix())
    containers.health = DEAD
    next_job_only()
    containers.health = hive.WELL
    work()
    with pytest.raises(RequestRefused, match=f"failed before .failed/{approval.pk}."):
        requests.apply_commit("alice", approval.commit[:12], actor=MANAGER)
    again = requests.apply_commit("alice", approval.commit, actor=MANAGER, description="the machine was full")
    work()
    assert fresh(again).status == "pending"


def test_a_short_id_is_no_way_around_the_note(containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch) -> None:
    hive.spawned()
    approval = approved(nix())
    containers.health = DEAD
    next_job_only()
    monkeypatch.setattr(requests, "_refuse_failed", lambda *given: None)
    again = requests.apply_commit("alice", approval.commit[:7], actor=MANAGER)
    containers.health = hive.WELL
    work()
    assert (fresh(again).status, "failed before" in fresh(again).note) == ("failed", True)


def test_a_failed_first_spawn_is_stopped_and_kept_for_looking_at(containers: PlayedContainers) -> None:
    approval = requests.spawn("alice", actor=BEA)
    work()
    containers.health = DEAD
    decisions.approve(fresh(approval), actor=BEA)
    work()
    alice = hive.agent()
    assert fresh(approval).status == "failed"
    assert (alice.lifecycle, alice.wanted, alice.deployment) == (Agent.Lifecycle.KEPT, False, None)
    assert configuration.applied("alice").tags()[f"failed/{approval.pk}"].annotated
    assert containers.calls[-1] == "stop alice"
    containers.health = hive.WELL
    again = requests.spawn("alice", actor=BEA, description="once more")
    work()
    decisions.approve(fresh(again), actor=BEA)
    work()
    assert fresh(again).status == "deployed"


def cancel_at(monkeypatch: pytest.MonkeyPatch, place: object, name: str, approval: Approval) -> None:
    """Have the operator cancel just before `place.name` is called in the build."""
    original: Callable[..., object] = getattr(place, name)

    def cancelled_first(*given: object, **more: object) -> object:
        monkeypatch.setattr(place, name, original)
        decisions.cancel(fresh(approval), actor=BEA, note="not now")
        return original(*given, **more)

    monkeypatch.setattr(place, name, cancelled_first)


def test_an_operator_cancels_in_the_middle_of_a_build(
    containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hive.spawned()
    approval = approved(nix())
    cancel_at(monkeypatch, configuration, "build", approval)
    containers.calls.clear()
    work()
    assert (fresh(approval).status, fresh(approval).note) == ("cancelled", "not now")
    assert containers.calls == [], "what ran was never touched"
    assert hive.agent().deployment == before.deployment
    assert {f"failed/{approval.pk}", f"deployed/{approval.pk}"}.isdisjoint(hive.tags())


def test_a_build_cancelled_after_the_switch_is_put_back(
    containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hive.spawned()
    approval = approved(nix())
    cancel_at(monkeypatch, endings, "settle", approval)
    work()
    alice = hive.agent()
    assert fresh(approval).status == "cancelled"
    assert (alice.deployment, alice.started_deployment, alice.running) == (before.deployment, before.deployment, True)
    assert f"deployed/{approval.pk}" not in hive.tags()


def test_a_cancelled_first_spawn_leaves_nothing_that_it_made(
    containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    approval = requests.spawn("alice", actor=BEA)
    work()
    decisions.approve(fresh(approval), actor=BEA)
    cancel_at(monkeypatch, configuration, "build", approval)
    work()
    assert fresh(approval).status == "cancelled"
    assert hive.agent().lifecycle == Agent.Lifecycle.GONE
    assert not settings.HIVE_PATHS.agent("alice").exists()  # type: ignore[attr-defined]
    assert not settings.HIVE_PATHS.applied("alice").exists()  # type: ignore[attr-defined]


def test_once_it_is_well_nobody_can_cancel(containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch) -> None:
    hive.spawned()
    approval = approved(nix())
    refusals: list[str] = []
    original = endings.deployed

    def too_late(*given: object) -> None:
        with pytest.raises(DecisionRefused) as refusal:
            decisions.cancel(fresh(approval), actor=BEA)
        refusals.append(str(refusal.value))
        original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(endings, "deployed", too_late)
    work()
    assert ["has just ended" in refusal for refusal in refusals] == [True]
    assert fresh(approval).status == "deployed"
    assert not AuditEvent.objects.filter(action="approval cancelled").exists()


def test_a_rollback_keeps_its_reason_and_moves_main_back(containers: PlayedContainers) -> None:
    first = hive.spawned().deployment
    approved(nix())
    work()
    back = requests.rollback("alice", "deployed/0", reason="it was better", actor=BEA)
    work()
    assert fresh(back).status == "deployed"
    assert first is not None
    assert (hive.main(), hive.agent().deployment.commit) == (first.commit, first.commit)  # type: ignore[union-attr]
    assert hive.message(f"deployed/{back.pk}") == "it was better"
