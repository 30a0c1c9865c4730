"""A worker that is killed at any step between approve and deployed: the next one ends what it began."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents import configuration, gate, lifecycle
from agents.models import Agent, Job
from agents.repositories.applied import Applied
from approvals import decisions, deployment, endings, requests, tags, transitions
from approvals.models import Approval, AuditEvent, Tag
from tests.approvals import hive
from tests.approvals.hive import BEA, DEAD, Killed, PlayedContainers, fresh, nix, restart, work

pytestmark = pytest.mark.django_db
Status = Approval.Status

STEPS: dict[str, tuple[object, str, int]] = {
    "claimed": (deployment, "_carry_on", 1),
    "before approved/N": (tags, "plant", 1),
    "before building/N": (tags, "plant", 2),
    "before it is building": (transitions, "move", 1),
    "before the checkout": (Applied, "checkout", 1),
    "before the build": (configuration, "build", 1),
    "before the last look": (deployment, "verify", 2),
    "before the switch": (lifecycle, "switch", 1),
    "stopped, not started": (lifecycle, "_bring_up", 1),
    "started, not well yet": (gate, "await_health", 1),
    "well, not settled": (deployment, "_pass_the_gate", 1),
    "settled": (endings, "deployed", 1),
    "before deployed/N": (tags, "plant", 3),
    "before main": (Applied, "set_main", 1),
    "before meta": (configuration, "adopt", 1),
    "before the rows": (endings, "conclude", 1),
}


@pytest.fixture
def approval(containers: PlayedContainers) -> Approval:
    hive.spawned()
    return decisions.approve(hive.proposed(nix()), actor=BEA)


def kill_at(monkeypatch: pytest.MonkeyPatch, place: object, name: str, call: int) -> None:
    """Kill the worker when `place.name` is called for the `call`th time; once."""
    original: Callable[..., object] = getattr(place, name)
    calls = []

    def counted(*given: object, **more: object) -> object:
        calls.append(name)
        if len(calls) == call:
            monkeypatch.setattr(place, name, original)
            raise Killed
        return original(*given, **more)

    monkeypatch.setattr(place, name, counted)


def agrees(approval: Approval) -> None:
    """Row, tags, main, meta flake and what runs say the same."""
    row, planted, alice = fresh(approval), hive.tags(), hive.agent()
    ended = {"deployed", "failed"} & {tag.partition("/")[0] for tag in planted if tag.endswith(f"/{approval.pk}")}
    assert ended == {row.status}
    assert {tag.name: tag.commit for tag in Tag.objects.filter(agent=alice)} == planted
    assert alice.deployment is not None
    assert (alice.running, alice.started_deployment) == (True, alice.deployment)
    assert hive.main() == alice.deployment.commit
    assert (alice.deployment.approval_id == approval.pk) == (row.status == "deployed")
    memory = alice.deployment.options["memoryMax"]
    assert ("3G" in hive.meta_file("agents/alice/tree/agent.nix")) == (memory == "3G")
    assert AuditEvent.objects.filter(approval_id=approval.pk, to_status=row.status).count() == 1
    assert not Job.objects.filter(status__in=Job.ACTIVE).exists()


@pytest.mark.parametrize("step", STEPS)
def test_killed_once_it_ends_deployed(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    kill_at(monkeypatch, *STEPS[step])
    with pytest.raises(Killed):
        work()
    assert fresh(approval).status in (Status.APPROVED, Status.BUILDING)
    restart()
    assert fresh(approval).status == "deployed"
    agrees(approval)


@pytest.mark.parametrize("step", ["before the build", "stopped, not started", "started, not well yet"])
def test_killed_every_time_it_ends_failed_and_the_old_one_runs(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place, name, _ = STEPS[step]
    for _ in range(3):
        kill_at(monkeypatch, place, name, 1)
        with pytest.raises(Killed):
            work() if fresh(approval).status == Status.APPROVED else restart()
    restart()
    assert (fresh(approval).status, "given up after 3 tries" in fresh(approval).note) == ("failed", True)
    agrees(approval)


FAILING: dict[str, tuple[object, str, int]] = {
    "before it is settled": (endings, "settle", 1),
    "before failed/N": (tags, "plant", 3),
    "before the tree is put back": (Applied, "reset_to_head", 1),
    "before the rows": (decisions, "tell_requester", 1),
}


@pytest.mark.parametrize("step", FAILING)
def test_killed_while_it_fails_it_ends_one_way_only(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    containers.health = DEAD
    kill_at(monkeypatch, *FAILING[step])
    with pytest.raises(Killed):
        hive.run_job(approval, "deploy")
    containers.health = hive.WELL
    restart()
    agrees(approval)
    if step != "before it is settled":
        assert fresh(approval).status == "failed", "what was settled is not turned round"


@pytest.mark.parametrize("step", ["before the build", "started, not well yet"])
def test_cancelled_while_no_worker_runs(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    kill_at(monkeypatch, *STEPS[step])
    with pytest.raises(Killed):
        work()
    decisions.cancel(fresh(approval), actor=BEA)
    restart()
    alice = hive.agent()
    assert fresh(approval).status == "cancelled"
    assert (alice.running, alice.started_deployment) == (True, alice.deployment)
    assert {f"deployed/{approval.pk}", f"failed/{approval.pk}"}.isdisjoint(hive.tags())


def test_a_first_spawn_killed_in_its_build_is_spawned(
    containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = requests.spawn("alice", actor=BEA)
    work()
    decisions.approve(fresh(approval), actor=BEA)
    kill_at(monkeypatch, tags, "plant", 4)  # deployed/0 stands, deployed/N does not
    with pytest.raises(Killed):
        work()
    restart()
    assert hive.agent().lifecycle == Agent.Lifecycle.LIVE
    assert {"deployed/0", f"deployed/{approval.pk}"} <= set(hive.tags())
    agrees(approval)


def test_the_container_that_died_with_the_machine_is_started_after_the_rows(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, endings, "conclude", 1)
    with pytest.raises(Killed):
        work()
    containers.running.clear()
    Agent.objects.update(running=False, connected=False)
    restart()
    assert "alice" in containers.running
    agrees(approval)
