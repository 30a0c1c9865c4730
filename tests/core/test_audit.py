from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from agents.actors import SYSTEM, operator
from approvals import audit
from approvals.models import AuditEvent
from tests import engines

pytestmark = pytest.mark.django_db


def test_the_database_refuses_to_change_an_event() -> None:
    event = audit.record("tested", actor=SYSTEM)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).update(note="rewritten")


def test_the_database_refuses_to_delete_an_event() -> None:
    event = audit.record("tested", actor=SYSTEM)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.delete()


def test_a_whole_chain_verifies() -> None:
    for number in range(3):
        audit.record("tested", actor=operator("bea"), note=f"{number}\nline two", agent="alice", approval_id=number)
    assert audit.first_broken() is None


def test_a_rewritten_event_is_named() -> None:
    events = [audit.record("tested", actor=SYSTEM, note=str(number)) for number in range(3)]
    engines.drop_trigger("audit_refuses_update", "approvals_auditevent")
    engines.execute(f"UPDATE approvals_auditevent SET note = 'forged' WHERE id = {events[1].pk}")
    assert audit.first_broken() == events[1]


def test_a_missing_event_is_noticed() -> None:
    events = [audit.record("tested", actor=SYSTEM, note=str(number)) for number in range(3)]
    engines.drop_trigger("audit_refuses_delete", "approvals_auditevent")
    engines.execute(f"DELETE FROM approvals_auditevent WHERE id = {events[1].pk}")
    assert audit.first_broken() == events[2]
