"""Verbs about approvals: ask, look, decide."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from agents import naming
from agents.models import Job
from approvals import consents, decisions, digests, queue, requests
from approvals.models import Approval
from hiveproject import health
from hiveproject.hivectl import operators, waiting
from hiveproject.hivectl.answers import FAILED, Answer, readable, table
from hiveproject.hivectl.verbs.agents import OPERATOR, NotThere

_PIN_SECONDS = 10.0
Status = Approval.Status


def spawn(options: argparse.Namespace) -> Answer:
    """Ask, wait until it is pinned, approve it where that was asked for too."""
    approval = requests.spawn(options.name, actor=OPERATOR, description=options.description)
    waiting.warn_without_worker(show=not options.json)
    approval = requests.await_pin(approval, _PIN_SECONDS if health.worker_lives() else 0)
    if options.yes and options.wait and approval.status == Status.PINNING:
        approval = waiting.for_pin(approval)
    if options.yes and approval.status == Status.PENDING:
        approval = decisions.approve(approval, actor=OPERATOR, typed_name=options.name)
    if options.wait:
        approval = waiting.for_deploy(approval, show=not options.json)
    return _told(approval, unfinished=options.yes and approval.status == Status.PINNING)


def list_approvals(options: argparse.Namespace) -> Answer:
    found = Approval.objects.select_related("agent").order_by("-id") if options.all else queue.pending()
    rows = [row(approval) for approval in found]
    head = ("ID", "AGENT", "KIND", "STATUS", "COMMIT", "ASKED BY", "ASKED AT", "DECIDED BY")
    empty = "No approvals yet." if options.all else "Nothing waits for a decision."
    text = table(head, [_shown(each) for each in rows], empty)
    return Answer(rows, text)


def approve(options: argparse.Namespace) -> Answer:
    approval, actor = _existing(options.id), operators.acting(options.account)
    approval = decisions.approve(approval, actor=actor, note=_note(options), seen=options.seen, typed_name=options.name)
    return _told(approval if approval.is_pending else _waited_for(approval, options))


def deny(options: argparse.Namespace) -> Answer:
    approval, actor = _existing(options.id), operators.acting(options.account)
    return _told(decisions.deny(approval, actor=actor, note=_note(options)))


def cancel(options: argparse.Namespace) -> Answer:
    approval, actor = _existing(options.id), operators.acting(options.account)
    return _told(decisions.cancel(approval, actor=actor, note=_note(options)))


def _note(options: argparse.Namespace) -> str:
    return str(sys.stdin.read() if options.note == "-" else options.note).rstrip("\n")


def update_inputs(options: argparse.Namespace) -> Answer:
    """Ask; with --wait until it can be decided."""
    approval = requests.update_inputs(actor=OPERATOR, description=options.description)
    waiting.warn_without_worker(show=not options.json)
    return _told(waiting.for_pin(approval) if options.wait else approval)


def rollback(options: argparse.Namespace) -> Answer:
    name = naming.agent_name(naming.resolve_alias(options.name))
    approval = requests.rollback(name, options.tag, reason=options.reason, actor=OPERATOR)
    return _told(_waited_for(approval, options))


def _waited_for(approval: Approval, options: argparse.Namespace) -> Approval:
    waiting.warn_without_worker(show=not options.json)
    return waiting.for_deploy(approval, show=not options.json) if options.wait else approval


def row(approval: Approval) -> dict[str, Any]:
    """A row of `approvals --json`."""
    return {
        "id": approval.pk,
        "agent": approval.agent.name,
        "kind": approval.kind,
        "status": approval.status,
        "commit": approval.commit or approval.commit_ref or None,
        "requested_by": _who(approval.requested_by),
        "requested_at": approval.requested_at.isoformat(),
        "decided_by": approval.decided_by or None,
        "decided_at": approval.decided_at.isoformat() if approval.decided_at else None,
        "note": approval.note,
        "shown": digests.shown(approval) if approval.is_pending else None,
    }


def _shown(data: dict[str, Any]) -> tuple[object, ...]:
    commit, at = (data["commit"] or "")[:12], data["requested_at"][:16].replace("T", " ")
    asked = (data["requested_by"], at, data["decided_by"] or "")
    return data["id"], data["agent"], data["kind"], data["status"], commit, *asked


def _existing(number: int) -> Approval:
    approval = Approval.objects.select_related("agent").filter(pk=number).first()
    if approval is None:
        raise NotThere(f"there is no approval {number}")
    return approval


def _told(approval: Approval, *, unfinished: bool = False) -> Answer:
    """The approval's row with the job that works on it; a failure has its own exit code."""
    job = Job.objects.filter(approval_id=approval.pk).order_by("-id").first()
    data = {**row(approval), "job": job.pk if job else None}
    what = f"approval {approval.pk} ({approval.kind.replace('_', ' ')} of {approval.agent.name})"
    if approval.status in (Status.FAILED, Status.SUPERSEDED):
        return Answer(data, code=FAILED, complaint=f"{what} {approval.status}: {readable(approval.note)}")
    if unfinished:
        return Answer(data, code=FAILED, complaint=f"{what} is not pinned yet: 'hivectl approve {approval.pk}' later")
    return Answer(data, f"{what[0].upper()}{what[1:]} is {approval.status}.{_next(approval, data['job'])}")


def _next(approval: Approval, job: int | None) -> str:
    if approval.status == Status.PENDING and (consent := consents.first(approval)) is not None:
        return f" {consent.by} has consented: somebody else has to approve it too."
    if approval.status == Status.PENDING:
        return f" 'hivectl approve {approval.pk}' builds it."
    return f" Job {job} builds it." if approval.status in (Status.APPROVED, Status.BUILDING) and job else ""


def _who(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return name if kind == "agent" else kind
