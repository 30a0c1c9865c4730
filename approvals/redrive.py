"""After a start: approvals that wait for a job which nobody does any more get one again."""

from __future__ import annotations

from agents import jobs
from agents.actors import SYSTEM
from agents.models import Job
from approvals import decisions
from approvals.models import Approval

_OPEN = (Approval.Status.PINNING, Approval.Status.APPROVED, Approval.Status.BUILDING)


def redrive() -> list[Approval]:
    """Request the missing jobs; returns the approvals they are for."""
    active = Job.objects.filter(status__in=Job.ACTIVE, approval_id__isnull=False).values("approval_id")
    left = list(Approval.objects.filter(status__in=_OPEN).exclude(pk__in=active).select_related("agent").order_by("id"))
    for approval in left:
        jobs.request(_work(approval), approval.agent, actor=SYSTEM, approval_id=approval.pk)
    return left


def _work(approval: Approval) -> str:
    if approval.status != Approval.Status.PINNING:
        return decisions.WORK[approval.kind]
    return "prepare_inputs" if approval.kind == Approval.Kind.UPDATE_INPUTS else "pin"
