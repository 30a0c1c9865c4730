"""High risk asks for the agent's name, and for two persons where the hive is set so; rollbacks are free of both."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from agents import actors
from agents.models import Job
from approvals import consents, decisions, requests
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent, Consent, Tag
from approvals.transitions import TransitionRefused
from tests import builders

pytestmark = pytest.mark.django_db
BEA, CARL = actors.operator("bea"), actors.operator("carl")
HIGH = [{"rule": "mode", "level": "high", "where": "x", "text": "It matters."}]
NOTICE = [{"rule": "mode", "level": "notice", "where": "x", "text": "It matters less."}]


@pytest.fixture
def two(settings: Settings) -> None:
    settings.HIVE_TWO_PERSON = True


def risky(**fields: Any) -> Approval:
    return builders.approval(**{"flags": HIGH, **fields})


@pytest.mark.parametrize("typed", ["", "bob", "ALICE", "alic"])
def test_high_risk_is_not_approved_without_the_name(typed: str) -> None:
    approval = risky()
    with pytest.raises(DecisionRefused, match="type the agent's name, alice"):
        decisions.approve(approval, actor=BEA, typed_name=typed)
    approval.refresh_from_db()
    assert approval.status == "pending"
    assert not AuditEvent.objects.exists()
    assert not Job.objects.exists()


def test_high_risk_is_approved_with_the_name() -> None:
    assert decisions.approve(risky(), actor=BEA, typed_name=" alice ").status == "approved"


def test_flags_that_came_after_the_row_was_read_count() -> None:
    """The row in the database decides, not the one that somebody read before."""
    approval = builders.approval()
    Approval.objects.update(flags=HIGH)
    with pytest.raises(DecisionRefused, match="high risk"):
        decisions.approve(approval, actor=BEA)


@pytest.mark.parametrize("decide", [decisions.deny, decisions.cancel])
def test_refusing_asks_for_no_name_and_one_person(two: None, decide: Any) -> None:
    assert decide(risky(), actor=BEA).status in ("denied", "cancelled")


def test_a_notice_asks_for_no_more_than_a_click(two: None) -> None:
    assert decisions.approve(builders.approval(flags=NOTICE), actor=BEA).status == "approved"


def test_who_comes_second_hears_of_the_first_rather_than_of_the_name() -> None:
    approval = risky()
    same = Approval.objects.get()
    decisions.deny(approval, actor=CARL)
    with pytest.raises(TransitionRefused, match="already denied by carl"):
        decisions.approve(same, actor=BEA)


def test_destroying_asks_for_the_name() -> None:
    with pytest.raises(DecisionRefused, match="type the agent's name"):
        decisions.approve(builders.approval(kind="destroy"), actor=BEA)


def test_one_setting_apart_one_person_is_enough() -> None:
    assert decisions.approve(risky(), actor=BEA, typed_name="alice").status == "approved"


def test_of_two_the_first_is_recorded_and_builds_nothing(two: None) -> None:
    decided = decisions.approve(risky(), actor=BEA, note="seems fine", typed_name="alice")
    assert (decided.status, Job.objects.count()) == ("pending", 0)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.note) == ("first consent", "operator:bea", "seems fine")


def test_the_same_person_is_not_the_second(two: None) -> None:
    approval = risky()
    decisions.approve(approval, actor=BEA, typed_name="alice")
    with pytest.raises(DecisionRefused, match="bea has consented already"):
        decisions.approve(approval, actor=BEA, typed_name="alice")
    assert AuditEvent.objects.count() == 1


def test_the_second_person_decides_and_types_the_name_too(two: None) -> None:
    approval = risky()
    decisions.approve(approval, actor=BEA, typed_name="alice")
    with pytest.raises(DecisionRefused, match="type the agent's name"):
        decisions.approve(approval, actor=CARL)
    decided = decisions.approve(approval, actor=CARL, typed_name="alice")
    assert (decided.status, decided.decided_by) == ("approved", "carl")
    assert [event.actor for event in AuditEvent.objects.order_by("id")] == ["operator:bea", "operator:carl"]


def test_a_consent_holds_for_what_was_shown_only(two: None) -> None:
    approval = risky()
    decisions.approve(approval, actor=BEA, typed_name="alice")
    agent = approval.agent
    agent.deployment = builders.deployment(agent, commit="7" * 40)
    agent.save()
    fresh = Approval.objects.select_related("agent").get()
    assert consents.first(fresh) is None
    assert decisions.approve(fresh, actor=CARL, typed_name="alice").status == "pending"
    assert Consent.objects.get().by == "carl"


def test_a_rollback_asks_for_neither(two: None) -> None:
    alice = builders.agent("alice")
    Tag.objects.create(agent=alice, name="deployed/0", commit="3" * 40)
    asked = requests.rollback("alice", "deployed/0", reason="it was better", actor=BEA)
    assert asked.status == "approved"


def test_the_hive_itself_needs_nobody() -> None:
    assert decisions.approve(risky(), actor=actors.SYSTEM).status == "approved"
