"""The hive starts with its manager: asked for and approved by the hive itself, audited as `system`."""

from __future__ import annotations

from agents import naming
from agents.actors import SYSTEM
from agents.models import Agent
from approvals import decisions, requests
from approvals.models import Approval


def ensure() -> None:
    """Ask for the manager when there is none; go on with an earlier request that was cut off."""
    manager = Agent.objects.filter(name=naming.MANAGER).first()
    if manager is None or manager.lifecycle in (Agent.Lifecycle.GONE, Agent.Lifecycle.KEPT):
        requests.spawn_manager(actor=SYSTEM)
        return
    cut_off = Approval.objects.filter(agent=manager, status=Approval.Status.PENDING, requested_by=str(SYSTEM)).first()
    if cut_off is not None:
        decisions.approve(cut_off, actor=SYSTEM, note="The manager's first start.")
