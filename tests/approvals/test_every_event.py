"""Every kind × state × event: what is allowed happens, everything else is refused and changes nothing."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable

import pytest
from django.conf import settings
from django.forms.models import model_to_dict

from agents import actors
from agents.models import Agent, Change, Job
from approvals import decisions, endings, queue
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent
from approvals.transitions import TransitionRefused
from tests import builders
from tests.approvals.hive import BEA

pytestmark = pytest.mark.django_db
Kind, Status = Approval.Kind, Approval.Status
BUILT = (Kind.SPAWN, Kind.APPLY_COMMIT, Kind.ROLLBACK, Kind.UPDATE_INPUTS)
PROPOSED = (Kind.SPAWN, Kind.APPLY_COMMIT)


def supersede(approval: Approval) -> None:
    newer = builders.approval(approval.agent)
    decisions.supersede(approval, by=newer, actor=BEA)


def orphan(approval: Approval) -> None:
    shutil.rmtree(settings.HIVE_PATHS.agent(approval.agent.name))
    queue.pending()


EVENTS: dict[str, Callable[[Approval], object]] = {
    "approve": lambda approval: decisions.approve(approval, actor=BEA, note="yes", typed_name="alice"),
    "deny": lambda approval: decisions.deny(approval, actor=BEA, note="no"),
    "cancel": lambda approval: decisions.cancel(approval, actor=BEA, note="enough"),
    "supersede": supersede,
    "orphan": orphan,
    "agent approves": lambda approval: decisions.approve(approval, actor=actors.agent("hm1nd")),
    "agent denies": lambda approval: decisions.deny(approval, actor=actors.agent("hm1nd")),
    "agent cancels": lambda approval: decisions.cancel(approval, actor=actors.agent("hm1nd")),
    "agent supersedes": lambda approval: decisions.supersede(
        approval, by=builders.approval(approval.agent), actor=actors.agent("hm1nd")
    ),
}


def becomes(kind: str, status: str, event: str) -> str | None:
    """The state after the event; None where it is refused or means nothing. Written down apart from the code."""
    if status == Status.PENDING:
        if event == "supersede":
            return Status.SUPERSEDED if kind in PROPOSED else None
        return {
            "approve": Status.APPROVED,
            "deny": Status.DENIED,
            "cancel": Status.CANCELLED,
            "orphan": Status.FAILED,
        }.get(event)
    if status == Status.BUILDING and event == "cancel" and kind in BUILT:
        return Status.CANCELLED
    return None


@pytest.mark.parametrize(
    ("kind", "status", "event"),
    list(itertools.product([each.value for each in Kind], [each.value for each in Status], EVENTS)),
)
def test_every_event(kind: str, status: str, event: str) -> None:
    approval = builders.approval(kind=kind, status=status)
    expected = becomes(kind, status, event)
    before = (model_to_dict(approval), Job.objects.count(), Agent.objects.get().wanted, Change.objects.count())
    if expected is None and event != "orphan":
        with pytest.raises((TransitionRefused, DecisionRefused)):
            EVENTS[event](approval)
    else:
        EVENTS[event](approval)
    approval.refresh_from_db()
    events = list(AuditEvent.objects.values_list("from_status", "to_status"))
    if expected is not None:
        assert (approval.status, events) == (expected, [(status, expected)])
        return
    after = (model_to_dict(approval), Job.objects.count(), Agent.objects.get().wanted, Change.objects.count())
    assert (before, events) == (after, [])


@pytest.mark.parametrize("ending", [Status.DEPLOYED, Status.FAILED])
def test_a_build_whose_end_is_settled_cannot_be_cancelled(ending: str) -> None:
    approval = builders.approval(status=Status.BUILDING)
    assert endings.settle(approval, ending)
    with pytest.raises(DecisionRefused, match="has just ended"):
        decisions.cancel(approval, actor=BEA)
    assert not AuditEvent.objects.exists()


def test_a_cancelled_build_is_not_settled_otherwise() -> None:
    approval = builders.approval(status=Status.BUILDING)
    decisions.cancel(approval, actor=BEA)
    assert not endings.settle(approval, Status.DEPLOYED)
    assert not endings.settle(approval, Status.FAILED, "too late")
    approval.refresh_from_db()
    assert (approval.status, approval.ending, approval.note) == ("cancelled", "", "")


def test_two_pages_that_are_rendered_at_once_fail_an_orphan_once() -> None:
    approval = builders.approval()
    shutil.rmtree(settings.HIVE_PATHS.agent("alice"))
    queue._fail_orphan(approval)
    queue._fail_orphan(approval)
    assert AuditEvent.objects.count() == 1


def test_an_orphan_cannot_be_approved() -> None:
    approval = builders.approval()
    shutil.rmtree(settings.HIVE_PATHS.agent("alice"))
    with pytest.raises(DecisionRefused, match="state folder of alice is missing"):
        decisions.approve(approval, actor=BEA)
    assert not Job.objects.exists()
