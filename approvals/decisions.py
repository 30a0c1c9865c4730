"""Deciding: the one place where an approval becomes approved, denied or cancelled."""

from __future__ import annotations

from django.db import transaction

from agents import events, jobs
from agents.actors import Actor
from agents.models import Agent
from approvals import consents, transitions
from approvals.consents import DecisionRefused as DecisionRefused
from approvals.models import Approval


def approve(approval: Approval, *, actor: Actor, note: str = "", typed_name: str = "") -> Approval:
    """Approve and queue the build. Raises `TransitionRefused` when somebody else was first, `DecisionRefused`.

    What is of high risk needs the agent's name as `typed_name`, and two persons where the hive is set so: after the
    first the approval comes back pending.
    """
    _only_people(actor)
    with transaction.atomic():
        agent = Agent.objects.get(pk=approval.agent_id)
        consents.require_name(approval, actor, typed_name)
        if not consents.suffices(approval, actor, note):
            return Approval.objects.select_related("agent").get(pk=approval.pk)
        decided = transitions.move(
            approval, Approval.Status.APPROVED, actor=actor, note=note, decided_on=agent.deployment_id
        )
        Agent.objects.filter(pk=agent.pk).update(wanted=True)
        jobs.request("deploy", agent, actor=actor, approval_id=approval.pk)
    return decided


def deny(approval: Approval, *, actor: Actor, note: str = "") -> Approval:
    """Refuse, with a note that the requester is told and git's tag keeps."""
    return _refuse(approval, Approval.Status.DENIED, actor, note)


def cancel(approval: Approval, *, actor: Actor, note: str = "") -> Approval:
    """Take a request back."""
    return _refuse(approval, Approval.Status.CANCELLED, actor, note)


def _refuse(approval: Approval, status: str, actor: Actor, note: str) -> Approval:
    _only_people(actor)
    with transaction.atomic():
        decided = transitions.move(approval, status, actor=actor, note=note)
        jobs.request("unpin", approval.agent, actor=actor, approval_id=approval.pk)
        tell_requester(decided)
    return decided


def tell_requester(approval: Approval) -> None:
    """Send the outcome to whoever asked, if that is an agent."""
    kind, _, name = approval.requested_by.partition(":")
    note = f"\n{approval.note}" if approval.note else ""
    text = f"Approval {approval.pk} ({approval.kind} of {approval.agent.name}) is {approval.status}.{note}"
    to = (name,) if kind == "agent" else ()
    events.emit(events.Event("approval_resolved", approval.agent.name, text, to))


def _only_people(actor: Actor) -> None:
    if actor.kind == "agent":
        raise DecisionRefused(f"{actor} cannot decide: only an operator can")
