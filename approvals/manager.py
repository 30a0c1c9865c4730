"""The hive starts with its manager: asked for and approved by the hive itself, audited as `system`."""

from __future__ import annotations

from agents import naming
from agents.actors import SYSTEM
from agents.models import Agent
from approvals import decisions, digests, requests
from approvals.models import Approval


def ensure() -> None:
    """Ask for the manager when there is none; go on with an earlier request that was cut off."""
    manager = Agent.objects.filter(name=naming.MANAGER).first()
    if manager is None or manager.lifecycle in (Agent.Lifecycle.GONE, Agent.Lifecycle.KEPT):
        requests.spawn_manager(actor=SYSTEM)
        return
    left = Approval.objects.filter(agent=manager, kind=Approval.Kind.SPAWN, status=Approval.Status.PENDING)
    cut_off = left.filter(requested_by=str(SYSTEM)).select_related("agent").first()
    if cut_off is not None:
        decisions.approve(cut_off, actor=SYSTEM, note="The manager's first start.", seen=digests.shown(cut_off))
