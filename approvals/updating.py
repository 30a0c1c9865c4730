"""New shared inputs for all agents: prepared while it is built, finalized when deployed, aborted otherwise.

The lock of the meta flake changes here and nowhere else, to exactly the text that was shown.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from agents import actors, configuration, feed, interruption, jobs
from agents.interruption import Interrupted
from agents.jobs import JobFailed, Kind, Run
from agents.models import Job
from agents.repositories.lock import LockFailed
from approvals import decisions, endings, inputs, prebuild, tags, transitions
from approvals.deployment import called_off
from approvals.models import Approval, ApprovalContent
from approvals.risks.lock import lock_changes
from approvals.verifying import Superseded, verify_lock

Status = Approval.Status


def register_jobs() -> None:
    jobs.register("prepare_inputs", Kind(_prepare, Job.Lane.REPOSITORY, failed=_not_prepared))
    jobs.register("update_inputs", Kind(_update, Job.Lane.BUILD, failed=_failed))


def _prepare(run: Run) -> None:
    """Find out what the inputs would become, and show that."""
    approval = _current(run.job)
    if approval.status != Status.PINNING:
        run.log(f"Approval {approval.pk} is {approval.status}: nothing to prepare.")
        return
    now = configuration.meta_lock()
    try:
        newer = configuration.newer_lock(run)
    except LockFailed as failure:
        raise JobFailed(str(failure)) from failure
    if newer == now:
        raise JobFailed("Every input is as new as it can be: there is nothing to update.")
    before = {inputs.LOCK: now.decode()} if now else {}
    sides = {"before": before, "after": {inputs.LOCK: newer.decode()}}
    ApprovalContent.objects.update_or_create(approval=approval, defaults=sides)
    base = configuration.meta_repository().main() or ""
    digest = inputs.lock_hash(newer)
    flags = [flag.to_json() for flag in lock_changes(now.decode() or None, newer.decode())]
    fields: dict[str, Any] = {"lock_hash": digest, "base_commit": base, "flags": flags}
    transitions.move(approval, Status.PENDING, actor=actors.SYSTEM, **fields)


def _not_prepared(job: Job, error: str) -> None:
    approval = _current(job)
    if approval.status == Status.PINNING:
        with transaction.atomic():
            decisions.tell_requester(transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=error))


def _update(run: Run) -> None:
    approval = _current(run.job)
    if approval.status in (Status.APPROVED, Status.BUILDING):
        try:
            with interruption.stoppable(called_off(approval)):
                _carry_on(run, approval)
        except Superseded as reason:
            _end(approval, Status.SUPERSEDED, str(reason))
        except Interrupted:
            run.log("Called off: the inputs stay as they are.")
    run.log(f"Approval {approval.pk} is {_current(run.job).status}.")


def _carry_on(run: Run, approval: Approval) -> None:
    before, after = _locks(approval)
    if approval.ending == Status.FAILED:
        raise JobFailed(approval.note)
    if approval.ending != Status.DEPLOYED:
        verify_lock(inputs.lock_hash(before))
        if inputs.lock_hash(after) != approval.lock_hash:
            raise Superseded("The new lock is another one than the one that was shown.")
        if approval.status == Status.APPROVED:
            approval = transitions.move(approval, Status.BUILDING, actor=actors.SYSTEM)
        try:
            configuration.try_lock(run, after)
        except LockFailed as failure:
            raise JobFailed(str(failure)) from failure
        interruption.check()
        if not endings.settle(approval, Status.DEPLOYED):
            raise Interrupted
    with interruption.unstoppable():
        _finalize(run, approval, after)


def _finalize(run: Run, approval: Approval, lock: bytes) -> None:
    commit = configuration.adopt_lock(run, lock, f"Update the inputs (approval {approval.pk})")
    tags.plant_in_meta(f"deployed/{approval.pk}", commit)
    with transaction.atomic():
        done = transitions.move(approval, Status.DEPLOYED, actor=actors.SYSTEM, commit=commit)
        decisions.tell_requester(done)
        _ask_for_a_fresh_look(approval.lock_hash)


def _ask_for_a_fresh_look(lock_hash: str) -> None:
    """What waits would now be built from other inputs than those it was shown with."""
    waiting = Approval.objects.filter(status=Status.PENDING, kind__in=decisions.PROPOSALS).select_related("agent")
    for approval in waiting:
        Approval.objects.filter(pk=approval.pk).update(lock_hash=lock_hash, fresh_look=True)
        feed.publish("approvals", approval.pk)
        prebuild.request(approval)


def _failed(job: Job, error: str) -> None:
    approval = _current(job)
    if approval.ending == Status.DEPLOYED or approval.status not in (Status.APPROVED, Status.BUILDING):
        return
    if endings.settle(approval, Status.FAILED, error):
        _tag(approval, "failed", error)
        _end(_current(job), Status.FAILED, error)


def denied(approval: Approval) -> None:
    """Keep the refusal in git too."""
    if approval.status == Status.DENIED:
        _tag(approval, "denied", approval.note or "denied without a note")


def _tag(approval: Approval, state: str, message: str) -> None:
    main = configuration.meta_repository().main()
    if main is not None:
        tags.plant_in_meta(f"{state}/{approval.pk}", approval.base_commit or main, message)


def _end(approval: Approval, status: str, note: str) -> None:
    with transaction.atomic():
        ended = transitions.move(approval, status, actor=actors.SYSTEM, note=note)
        decisions.tell_requester(ended, "operator")


def _locks(approval: Approval) -> tuple[bytes, bytes]:
    content = ApprovalContent.objects.get(approval=approval)
    before, after = (side.get(inputs.LOCK, "") for side in (content.before, content.after))
    return str(before).encode(), str(after).encode()


def _current(job: Job) -> Approval:
    return Approval.objects.select_related("agent").get(pk=job.approval_id or 0)
