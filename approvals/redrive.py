"""After a start: approvals that wait for a job which nobody does any more get one again."""

from __future__ import annotations

from agents import jobs
from agents.actors import SYSTEM
from agents.models import Job
from approvals.models import Approval

_WORK = {
    Approval.Status.PINNING: "pin",
    Approval.Status.APPROVED: "deploy",
    Approval.Status.BUILDING: "deploy",
}


def redrive() -> list[Approval]:
    """Request the missing jobs; returns the approvals they are for."""
    active = Job.objects.filter(status__in=Job.ACTIVE, approval_id__isnull=False).values("approval_id")
    left = list(Approval.objects.filter(status__in=_WORK).exclude(pk__in=active).select_related("agent").order_by("id"))
    for approval in left:
        jobs.request(_WORK[Approval.Status(approval.status)], approval.agent, actor=SYSTEM, approval_id=approval.pk)
    return left
