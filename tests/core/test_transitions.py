from __future__ import annotations

import itertools
import threading

import pytest
from django.db import connection

from agents import actors
from agents.models import Change
from approvals import transitions
from approvals.models import Approval, AuditEvent
from approvals.transitions import TransitionRefused, allowed
from tests import builders

BEA = actors.operator("bea")
CARL = actors.operator("carl")
KINDS = [kind.value for kind in Approval.Kind]
STATES = [status.value for status in Approval.Status]


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "before", "after"), list(itertools.product(KINDS, STATES, STATES)))
def test_only_the_allowed_steps_happen(kind: str, before: str, after: str) -> None:
    approval = builders.approval(kind=kind, status=before)
    if after in allowed(kind, before):
        assert transitions.move(approval, after, actor=BEA).status == after
        assert AuditEvent.objects.filter(from_status=before, to_status=after).count() == 1
        return
    with pytest.raises(TransitionRefused):
        transitions.move(approval, after, actor=BEA)
    approval.refresh_from_db()
    assert approval.status == before
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_the_second_decision_is_told_who_was_first() -> None:
    first, second = builders.approval(), Approval.objects.get()
    transitions.move(first, Approval.Status.APPROVED, actor=BEA)
    with pytest.raises(TransitionRefused, match=r"already approved by bea at .* UTC"):
        transitions.move(second, Approval.Status.DENIED, actor=CARL)


@pytest.mark.django_db
def test_a_decision_keeps_who_when_and_the_whole_note() -> None:
    denied = transitions.move(builders.approval(), Approval.Status.DENIED, actor=BEA, note="no\n\nnot now")
    assert (denied.decided_by, denied.note) == ("bea", "no\n\nnot now")
    assert denied.decided_at is not None


@pytest.mark.django_db
def test_a_step_tells_the_feed() -> None:
    approval = builders.approval()
    transitions.move(approval, Approval.Status.APPROVED, actor=BEA)
    assert Change.objects.filter(topic="approvals", object_id=str(approval.pk)).count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_make_one_decision_and_one_audit_row() -> None:
    approval = builders.approval()
    start = threading.Barrier(20)
    outcomes: list[str] = []

    def decide(number: int) -> None:
        mine = Approval.objects.select_related("agent").get(pk=approval.pk)
        start.wait()
        to = Approval.Status.APPROVED if number % 2 else Approval.Status.DENIED
        try:
            outcomes.append(transitions.move(mine, to, actor=actors.operator(f"op{number}")).status)
        except TransitionRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 20
    assert outcomes.count("refused") == 19
    assert AuditEvent.objects.count() == 1
