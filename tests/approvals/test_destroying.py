"""The manager asks for an agent's end; the operator decides."""

from __future__ import annotations

import pytest

from agents import configuration
from agents.models import Agent, Job
from approvals import decisions, requests
from approvals.models import Approval, AuditEvent
from approvals.requests import RequestRefused
from tests import builders
from tests.approvals import hive
from tests.approvals.hive import BEA, MANAGER, Killed, PlayedContainers, fresh, restart, work
from tests.approvals.test_driven_again import kill_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def approval(containers: PlayedContainers) -> Approval:
    hive.spawned()
    return requests.destroy("alice", actor=MANAGER, description="nobody needs it")


def test_it_waits_at_once_and_is_done_when_approved(approval: Approval, containers: PlayedContainers) -> None:
    assert approval.status == "pending"
    decisions.approve(approval, actor=BEA, typed_name="alice")
    work()
    assert fresh(approval).status == "done"
    assert (hive.agent().lifecycle, containers.running) == (Agent.Lifecycle.KEPT, set())
    steps = AuditEvent.objects.filter(approval_id=approval.pk).order_by("id").values_list("to_status", flat=True)
    assert list(steps) == ["pending", "approved", "done"]
    assert [tag for tag in hive.tags() if tag.endswith(f"/{approval.pk}")] == [], "without tags"


@pytest.mark.parametrize("decide", [decisions.deny, decisions.cancel])
def test_refused_nothing_happens(approval: Approval, containers: PlayedContainers, decide: object) -> None:
    jobs = Job.objects.count()
    decide(approval, actor=BEA)  # type: ignore[operator]
    assert Job.objects.count() == jobs
    assert "alice" in containers.running


def test_it_is_asked_once(approval: Approval) -> None:
    with pytest.raises(RequestRefused, match="asked for already"):
        requests.destroy("alice", actor=MANAGER)


def test_what_cannot_end_is_refused(containers: PlayedContainers) -> None:
    builders.agent("hm1nd")
    builders.agent("kip", lifecycle="kept", deployment=None)
    for name, says in (("hm1nd", "cannot do without it"), ("kip", "has no container"), ("ghost", "no agent")):
        with pytest.raises(RequestRefused, match=says):
            requests.destroy(name, actor=MANAGER)
    assert not AuditEvent.objects.exists()


def test_killed_in_the_middle_it_is_done_later(approval: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions.approve(approval, actor=BEA, typed_name="alice")
    kill_at(monkeypatch, configuration, "forget", 1)
    with pytest.raises(Killed):
        work()
    restart()
    assert (fresh(approval).status, hive.agent().lifecycle) == ("done", Agent.Lifecycle.KEPT)


def test_what_goes_wrong_is_told(
    approval: Approval, containers: PlayedContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.containers.protocol import ContainerFailed

    def stuck(name: str) -> None:
        raise ContainerFailed(name, "it does not end")

    monkeypatch.setattr(containers, "destroy", stuck)
    decisions.approve(approval, actor=BEA, typed_name="alice")
    work()
    assert (fresh(approval).status, "does not end" in fresh(approval).note) == ("failed", True)
