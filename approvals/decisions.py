"""Deciding: the one place where an approval becomes approved, denied, cancelled or superseded by a newer one."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from agents import events, jobs
from agents.actors import SYSTEM, Actor
from agents.models import Agent
from approvals import consents, digests, reflagging, transitions
from approvals.consents import DecisionRefused as DecisionRefused
from approvals.models import Approval

Kind, Status = Approval.Kind, Approval.Status
WORK: dict[str, str] = {
    Kind.SPAWN: "deploy",
    Kind.APPLY_COMMIT: "deploy",
    Kind.ROLLBACK: "deploy",
    Kind.UPDATE_INPUTS: "update_inputs",
    Kind.DESTROY: "destroy_approved",
    Kind.SCHEDULE_PROMPT: "schedule",
}
"""The job that carries out what was approved."""
PROPOSALS = (Kind.SPAWN, Kind.APPLY_COMMIT)


def approve(approval: Approval, *, actor: Actor, note: str = "", seen: str = "", typed_name: str = "") -> Approval:
    """Approve and queue the work. `seen` is the `digests.shown` of what the deciding person looked at.

    What is of high risk needs the agent's name as `typed_name`, and two persons where the hive is set so: after the
    first the approval comes back pending. Raises `TransitionRefused` when somebody else was first, `DecisionRefused`
    when what was seen is not what would run, or when more is needed than was given.
    """
    _only_people(actor)
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=approval.agent_id)
        _refuse_unseen(approval, seen)
        _refuse_orphan(approval)
        consents.require_name(approval, actor, typed_name)
        if not consents.suffices(approval, actor, note):
            return Approval.objects.select_related("agent").get(pk=approval.pk)
        decided = transitions.move(approval, Status.APPROVED, actor=actor, note=note, decided_on=agent.deployment_id)
        if WORK[approval.kind] == "deploy":
            Agent.objects.filter(pk=agent.pk).update(wanted=True)
        jobs.request(WORK[approval.kind], agent, actor=actor, approval_id=approval.pk)
    return decided


def deny(approval: Approval, *, actor: Actor, note: str = "") -> Approval:
    """Refuse, with a note that the requester is told and git's tag keeps."""
    return _refuse(approval, Status.DENIED, actor, note)


def cancel(approval: Approval, *, actor: Actor, note: str = "") -> Approval:
    """Take a request back, or stop its build: what ran before stays, or is put back by the worker."""
    if approval.status != Status.BUILDING:
        return _refuse(approval, Status.CANCELLED, actor, note)
    _only_people(actor)
    if Approval.objects.filter(pk=approval.pk).exclude(ending="").exists():
        raise DecisionRefused(f"the build of approval {approval.pk} has just ended: look at what came of it")
    with transaction.atomic():
        cancelled = transitions.move(approval, Status.CANCELLED, actor=actor, note=note, only={"ending": ""})
        tell_requester(cancelled)
    return cancelled


def older(approval: Approval) -> QuerySet[Approval]:
    """Proposals for the same agent that wait since before this one: what it could supersede."""
    waiting = Approval.objects.filter(agent=approval.agent, status=Status.PENDING, kind__in=PROPOSALS)
    return waiting.filter(pk__lt=approval.pk).select_related("agent").order_by("pk")


def supersede(approval: Approval, *, by: Approval, actor: Actor) -> Approval:
    """Let a newer proposal for the same agent take the place of one that waits."""
    _only_people(actor)
    if not older(by).filter(pk=approval.pk).exists():
        raise DecisionRefused(f"approval {by.pk} is no newer proposal for {approval.agent.name} than {approval.pk}")
    with transaction.atomic():
        note = f"Superseded by approval {by.pk}."
        superseded = transitions.move(approval, Status.SUPERSEDED, actor=actor, note=note)
        tell_requester(superseded)
    return superseded


def take_the_place_of_older(approval: Approval) -> None:
    """As its asker wished: older proposals give way. An agent can take back only what was asked by itself."""
    for other in older(approval):
        if approval.requested_by.startswith("agent:") and other.requested_by != approval.requested_by:
            continue
        note = f"Superseded by approval {approval.pk}, as its asker wished."
        tell_requester(transitions.move(other, Status.SUPERSEDED, actor=SYSTEM, note=note))


def _refuse(approval: Approval, status: str, actor: Actor, note: str) -> Approval:
    _only_people(actor)
    with transaction.atomic():
        decided = transitions.move(approval, status, actor=actor, note=note)
        if approval.kind not in (Kind.DESTROY, Kind.SCHEDULE_PROMPT):
            jobs.request("unpin", approval.agent, actor=actor, approval_id=approval.pk)
        tell_requester(decided)
    return decided


def tell_requester(approval: Approval, *also: str) -> None:
    """Send the outcome to whoever asked, if that is an agent, and to whoever else has to know."""
    kind, _, name = approval.requested_by.partition(":")
    note = f"\n{approval.note}" if approval.note else ""
    text = f"Approval {approval.pk} ({approval.kind} of {approval.agent.name}) is {approval.status}.{note}"
    to = tuple({*also, name} if kind == "agent" else also)
    events.emit(events.Event("approval_resolved", approval.agent.name, text, to))


def _refuse_unseen(approval: Approval, seen: str) -> None:
    fresh = Approval.objects.select_related("agent").get(pk=approval.pk)
    if fresh.status != Status.PENDING:
        return
    if reflagging.is_stale(fresh):
        raise DecisionRefused(
            f"{fresh.agent.name} runs something else by now: approval {fresh.pk} is being compared with it, look again"
        )
    if seen and seen != digests.shown(fresh):
        raise DecisionRefused(f"approval {fresh.pk} has changed since you looked at it: look again")
    if fresh.fresh_look and not seen:
        raise DecisionRefused(
            f"the shared inputs have changed since approval {fresh.pk} was asked for: look at it again, then decide"
        )


def _refuse_orphan(approval: Approval) -> None:
    if not settings.HIVE_PATHS.agent(approval.agent.name).is_dir():
        raise DecisionRefused(f"the state folder of {approval.agent.name} is missing: this cannot be approved any more")


def _only_people(actor: Actor) -> None:
    if actor.kind == "agent":
        raise DecisionRefused(f"{actor} cannot decide: only an operator can")
