"""What waits for an operator."""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet

from agents.actors import SYSTEM
from approvals import transitions
from approvals.models import Approval

ORPHAN_NOTE = "agent state dir missing"


def pending() -> QuerySet[Approval]:
    """Approvals to decide, oldest first. Those whose agent's folder has vanished fail first and stay for audit."""
    waiting = Approval.objects.filter(status=Approval.Status.PENDING).select_related("agent").order_by("id")
    for approval in waiting:
        if not settings.HIVE_PATHS.agent(approval.agent.name).is_dir():
            transitions.move(approval, Approval.Status.FAILED, actor=SYSTEM, note=ORPHAN_NOTE)
    return waiting.all()
