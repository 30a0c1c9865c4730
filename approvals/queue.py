"""What waits for an operator."""

from __future__ import annotations

import contextlib

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from agents import jobs
from agents.actors import SYSTEM
from approvals import decisions, transitions
from approvals.models import Approval
from approvals.transitions import TransitionRefused

ORPHAN_NOTE = "agent state dir missing"


def pending() -> QuerySet[Approval]:
    """Approvals to decide, oldest first. Those whose agent's folder has vanished fail first and stay for audit."""
    waiting = Approval.objects.filter(status=Approval.Status.PENDING).select_related("agent").order_by("id")
    orphans = [each for each in waiting if not settings.HIVE_PATHS.agent(each.agent.name).is_dir()]
    for approval in orphans:
        _fail_orphan(approval)
    return waiting.all() if orphans else waiting


def _fail_orphan(approval: Approval) -> None:
    """Another page may be rendered, or a decision made, at the same time: whoever was first has done it."""
    with contextlib.suppress(TransitionRefused), transaction.atomic():
        failed = transitions.move(approval, Approval.Status.FAILED, actor=SYSTEM, note=ORPHAN_NOTE)
        decisions.tell_requester(failed)
        if approval.kind == Approval.Kind.SPAWN:
            jobs.request("unpin", approval.agent, actor=SYSTEM, approval_id=approval.pk)
