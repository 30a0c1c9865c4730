"""The audit log: append-only, each event bound to the one before it by its digest."""

from __future__ import annotations

import hashlib
import json

from django.utils import timezone

from agents import locks
from agents.actors import Actor
from approvals.models import AuditEvent

_FIELDS = ("at", "actor", "action", "agent", "approval_id", "from_status", "to_status", "commit", "note", "previous")


def record(
    action: str,
    *,
    actor: Actor,
    agent: str = "",
    approval_id: int | None = None,
    from_status: str = "",
    to_status: str = "",
    commit: str = "",
    note: str = "",
) -> AuditEvent:
    """Append an event. Call it inside the transaction of what it tells, so that both are there or neither is."""
    locks.alone("audit")  # two events after the same one would fork the chain
    newest = AuditEvent.objects.order_by("-id").values_list("digest", flat=True).first()
    event = AuditEvent(
        at=timezone.now(),
        actor=str(actor),
        action=action,
        agent=agent,
        approval_id=approval_id,
        from_status=from_status,
        to_status=to_status,
        commit=commit,
        note=note,
        previous=newest or "",
    )
    event.digest = digest(event)
    event.save(force_insert=True)
    return event


def digest(event: AuditEvent) -> str:
    """SHA-256 over every field but the id and the digest itself."""
    values = {name: str(getattr(event, name) or "") for name in _FIELDS if name != "at"}
    values["at"] = event.at.isoformat()
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def first_broken() -> AuditEvent | None:
    """The first event whose digest or link to its predecessor is wrong; None when the chain is whole."""
    previous = ""
    for event in AuditEvent.objects.order_by("id").iterator():
        if event.previous != previous or event.digest != digest(event):
            return event
        previous = event.digest
    return None
