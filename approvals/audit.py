"""The audit log: append-only, each event bound to the one before it by its digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import locks
from agents.actors import Actor
from agents.deeds import Deed
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
    event = AuditEvent(
        actor=str(actor),
        action=action,
        agent=agent,
        approval_id=approval_id,
        from_status=from_status,
        to_status=to_status,
        commit=commit,
        note=note,
    )
    with transaction.atomic():
        locks.alone("audit")  # two events after the same one would fork the chain
        event.at = timezone.now()
        event.previous = AuditEvent.objects.order_by("-id").values_list("digest", flat=True).first() or ""
        event.digest = digest(event)
        event.save(force_insert=True)
    return event


def keep(deed: Deed) -> AuditEvent:
    """Append what another part of the hive tells."""
    return record(deed.action, actor=deed.actor, agent=deed.agent, note=deed.note)


def digest(event: AuditEvent) -> str:
    """SHA-256 over every field but the id and the digest itself."""
    values = {name: str(getattr(event, name) or "") for name in _FIELDS if name != "at"}
    values["at"] = event.at.isoformat()
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Break:
    """The first event that does not fit, and in which way."""

    event: AuditEvent
    reason: str


def check(head: str = "") -> Break | None:
    """Walk the chain; the first break, or None when it is whole.

    The chain alone cannot tell that its newest events were cut off. `head` is a digest that was noted elsewhere: an
    event that has it must be there still, else the newest event is named. Raises `LookupError` when there is none.
    """
    previous, last, met = "", None, not head
    for event in AuditEvent.objects.order_by("id").iterator():
        if event.previous != previous:
            return Break(event, "it does not follow the event before it: one was removed, added or rewritten there")
        if event.digest != digest(event):
            return Break(event, "its fields are not those that were written")
        previous, last = event.digest, event
        met = met or event.digest == head
    if met:
        return None
    if last is None:
        raise LookupError("the log is empty")
    return Break(last, f"the log ends here and {head[:12]} never came: newer events were removed")


def first_broken() -> AuditEvent | None:
    """The first event that does not fit; None when the chain is whole."""
    found = check()
    return None if found is None else found.event


def row(event: AuditEvent) -> dict[str, Any]:
    """An event as the export prints it: with `digest` and `previous`, so that others can check it too."""
    return {
        "id": event.pk,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "agent": event.agent or None,
        "approval": event.approval_id,
        "from": event.from_status or None,
        "to": event.to_status or None,
        "commit": event.commit or None,
        "note": event.note,
        "previous": event.previous,
        "digest": event.digest,
    }
