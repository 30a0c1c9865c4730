"""The states of an approval and the only way from one to the next: compare-and-set, audit row, feed, in one go."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from agents import feed, locks
from agents.actors import Actor
from approvals import audit
from approvals.models import Approval

Status = Approval.Status

_WAITING: dict[str, frozenset[str]] = {
    Status.PENDING: frozenset({Status.APPROVED, Status.DENIED, Status.CANCELLED, Status.SUPERSEDED, Status.FAILED})
}
BUILT: dict[str, frozenset[str]] = {
    **_WAITING,
    Status.PINNING: frozenset({Status.PENDING, Status.FAILED}),
    Status.APPROVED: frozenset({Status.BUILDING, Status.SUPERSEDED, Status.FAILED}),
    Status.BUILDING: frozenset({Status.DEPLOYED, Status.FAILED, Status.SUPERSEDED, Status.CANCELLED}),
}
CARRIED_OUT: dict[str, frozenset[str]] = {
    **_WAITING,
    Status.APPROVED: frozenset({Status.DONE, Status.FAILED}),
}
"""Kinds without a commit, a build and tags: once approved they are done."""
ALLOWED: dict[str, dict[str, frozenset[str]]] = {
    **dict.fromkeys(Approval.Kind, BUILT),
    Approval.Kind.DESTROY: CARRIED_OUT,
    Approval.Kind.SCHEDULE_PROMPT: CARRIED_OUT,
}
FINAL = frozenset({Status.DEPLOYED, Status.DONE, Status.FAILED, Status.DENIED, Status.CANCELLED, Status.SUPERSEDED})
DECISIONS = frozenset({Status.APPROVED, Status.DENIED, Status.CANCELLED})


def allowed(kind: str, status: str) -> frozenset[str]:
    """Where an approval of this kind can go from here."""
    return ALLOWED[kind].get(status, frozenset())


class TransitionRefused(Exception):
    """The approval is not in a state that allows this; `approval` is as it stands now."""

    def __init__(self, approval: Approval, to: str) -> None:
        self.approval = approval
        who = f" by {approval.decided_by}" if approval.decided_by else ""
        when = f" at {approval.decided_at:%Y-%m-%d %H:%M} UTC" if approval.decided_at else ""
        super().__init__(f"approval {approval.pk} is already {approval.status}{who}{when}: it cannot become {to}")


def move(
    approval: Approval,
    to: str,
    *,
    actor: Actor,
    note: str = "",
    only: Mapping[str, object] | None = None,
    **fields: object,
) -> Approval:
    """Take `approval` to the status `to`; returns the fresh row.

    `fields` are set in the same statement, `only` are further conditions on the row. Raises `TransitionRefused` when
    the status is another one by now, or the step is not allowed; nothing has changed then.
    """
    before = approval.status
    now = timezone.now()
    if to in DECISIONS and before == Status.PENDING:
        fields |= {"decided_by": actor.name, "decided_at": now, "note": note}
    elif note:
        fields["note"] = note
    if to in FINAL:
        fields["finished_at"] = now
    with transaction.atomic():
        locks.hold(approval.agent)
        changed = 0
        if to in allowed(approval.kind, before):
            rows = Approval.objects.filter(pk=approval.pk, status=before, **(only or {}))
            changed = rows.update(status=to, **fields)
        if not changed:
            raise TransitionRefused(Approval.objects.get(pk=approval.pk), to)
        audit.record(
            f"approval {to}",
            actor=actor,
            agent=approval.agent.name,
            approval_id=approval.pk,
            from_status=before,
            to_status=to,
            commit=str(fields.get("commit", approval.commit)),
            note=note,
        )
        feed.publish("approvals", approval.pk)
        feed.publish("agents", approval.agent_id)
    return Approval.objects.select_related("agent").get(pk=approval.pk)
