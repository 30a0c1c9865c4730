from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from agents import actors, events
from agents.models import Agent, Job
from approvals import decisions, queue
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent
from approvals.transitions import TransitionRefused
from tests import builders

pytestmark = pytest.mark.django_db
BEA = actors.operator("bea")


def test_approving_queues_one_build_and_wants_the_agent_to_run() -> None:
    approval = builders.approval()
    decisions.approve(approval, actor=BEA)
    assert Job.objects.get().kind == "deploy"
    assert Agent.objects.get().wanted


def test_two_tabs_make_one_decision() -> None:
    approval = builders.approval()
    same = Approval.objects.get()
    decisions.approve(approval, actor=BEA)
    with pytest.raises(TransitionRefused, match="already approved by bea"):
        decisions.approve(same, actor=actors.operator("carl"))
    assert Job.objects.count() == 1
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("decide", [decisions.approve, decisions.deny, decisions.cancel])
def test_no_agent_can_decide(decide: object) -> None:
    approval = builders.approval()
    with pytest.raises(DecisionRefused, match="only an operator"):
        decide(approval, actor=actors.agent("hm1nd"))  # type: ignore[operator]
    approval.refresh_from_db()
    assert approval.status == Approval.Status.PENDING


def test_the_requester_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[events.Event] = []
    monkeypatch.setattr(events, "_subscribers", [told.append])
    decisions.deny(builders.approval(), actor=BEA, note="no\nroom")
    assert told[0].to == ("hm1nd",)
    assert "denied" in told[0].text
    assert "no\nroom" in told[0].text


def test_an_orphan_fails_with_its_note_and_stays_for_audit() -> None:
    approval = builders.approval()
    shutil.rmtree(settings.HIVE_PATHS.agent("alice"))
    assert list(queue.pending()) == []
    approval.refresh_from_db()
    assert (approval.status, approval.note) == (Approval.Status.FAILED, "agent state dir missing")
