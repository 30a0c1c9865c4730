"""Pinning: fetch exactly what was asked for into the host's own repository, check it, evaluate it, show it.

Whatever happens to the proposed repository afterwards changes nothing.
"""

from __future__ import annotations

from django.db import transaction

from agents import actors, configuration, jobs, naming
from agents.containers import privileged
from agents.containers.protocol import VerbFailed, VerbRefused
from agents.jobs import Kind, Run
from agents.models import Job
from agents.nixconfig.evaluate import Evaluation, EvaluationFailed, EvaluatorMissing
from agents.repositories.applied import ProposalRefused
from agents.repositories.proposed import RepositoryUnreadable
from approvals import (
    contents,
    decisions,
    drafts,
    inputs,
    prebuild,
    reflagging,
    requests,
    rules,
    tags,
    transitions,
    updating,
)
from approvals.models import Approval, ApprovalContent

Status = Approval.Status


def register_jobs() -> None:
    lane = Job.Lane.REPOSITORY
    jobs.register("pin", Kind(_pin, lane, failed=_pin_failed))
    jobs.register("unpin", Kind(_unpin, lane))


def _pin(run: Run) -> None:
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if approval.status != Status.PINNING:
        run.log(f"Approval {approval.pk} is {approval.status}: nothing to pin.")
        return
    if approval.kind == Approval.Kind.SPAWN:
        _make_state(run, approval)
    try:
        commit = _fetch(run, approval)
    except (RepositoryUnreadable, ProposalRefused, VerbFailed, VerbRefused) as refusal:
        _fail(run, approval, str(refusal))
        return
    tags.plant(run.agent, f"proposal/{approval.pk}", commit)
    tree = configuration.applied(run.agent.name).tree_of(commit)
    if (tag := requests.failed_before(run.agent, commit)) is not None and not approval.description.strip():
        _fail(run, approval, f"{commit[:12]} has failed before ({tag.name}): say why it will work now, or change it")
        return
    Approval.objects.filter(pk=approval.pk).update(commit=commit, tree=tree)
    approval.refresh_from_db()
    try:
        evaluation = configuration.evaluated(run, commit)
    except (EvaluationFailed, EvaluatorMissing) as failure:
        _fail(run, approval, str(failure))
        return
    _remember_files(approval)
    run.log(f"Pinned {commit[:12]} for approval {approval.pk}.")
    pending = _show(approval, evaluation)
    if naming.is_manager(run.agent.name) and approval.kind == Approval.Kind.SPAWN and approval.requested_by == "system":
        decisions.approve(pending, actor=actors.SYSTEM, note="The manager's first start.")


def _show(approval: Approval, evaluation: Evaluation) -> Approval:
    """Let it be decided; older requests give way to it where that was asked for."""
    flags = reflagging.assessed(approval, evaluation.options)
    with transaction.atomic():
        pending = transitions.move(
            approval,
            Status.PENDING,
            actor=actors.SYSTEM,
            options=evaluation.options,
            ignored=evaluation.ignored,
            **flags,
            lock_hash=inputs.approved_lock(),
        )
        if approval.supersedes:
            decisions.take_the_place_of_older(pending)
        prebuild.request(pending)
    return rules.consider(pending)


def _make_state(run: Run, approval: Approval) -> None:
    drafts.make_folders(run, new=approval.made_state)


def _fetch(run: Run, approval: Approval) -> str:
    """The full id of the commit, its objects emitted by the repository's own side and indexed on ours.

    An agent that is revived runs what it ran before.
    """
    repository = configuration.applied(run.agent.name)
    repository.ensure()
    first = approval.kind == Approval.Kind.SPAWN and not approval.commit_ref
    if first and (main := repository.main()) is not None:
        return main
    ref = approval.commit_ref or str(privileged.call("head_commit", name=run.agent.name))
    pack = run.folder / "proposal.pack"
    with pack.open("wb") as file:
        privileged.call("emit_objects", out_fd=file.fileno(), name=run.agent.name, commit_ref=ref)
    return repository.receive(pack, ref, tag=f"proposal/{approval.pk}").commit


def _remember_files(approval: Approval) -> None:
    repository = configuration.applied(approval.agent.name)
    base = approval.base_commit
    before = repository.files(base) if base else {}
    ApprovalContent.objects.update_or_create(
        approval=approval,
        defaults={"before": contents.texts(before), "after": contents.texts(repository.files(approval.commit))},
    )


def _fail(run: Run, approval: Approval, message: str) -> None:
    """Refused before the operator was asked: tagged where there is a commit, told to the requester."""
    run.log(message)
    if approval.commit:
        tags.plant(run.agent, f"failed/{approval.pk}", approval.commit, message)
    with transaction.atomic():
        failed = transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=message)
        decisions.tell_requester(failed)
    if approval.kind == Approval.Kind.SPAWN:
        _throw_away(run, approval)


def _pin_failed(job: Job, error: str) -> None:
    approval = Approval.objects.select_related("agent").get(pk=job.approval_id or 0)
    if approval.status == Status.PINNING:
        with transaction.atomic():
            decisions.tell_requester(transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=error))
        if approval.kind == Approval.Kind.SPAWN and not superseding(approval):
            drafts.release_name(approval)


def _unpin(run: Run) -> None:
    """After a refusal: plant the annotated tag, or remove what a refused spawn had made."""
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if approval.kind == Approval.Kind.UPDATE_INPUTS:
        updating.denied(approval)
    elif approval.kind == Approval.Kind.SPAWN:
        _throw_away(run, approval)
    elif approval.status == Status.DENIED and approval.commit:
        tags.plant(run.agent, f"denied/{approval.pk}", approval.commit, approval.note or "denied without a note")
    run.log(f"Approval {approval.pk} is {approval.status}.")


def _throw_away(run: Run, approval: Approval) -> None:
    if superseding(approval):
        return
    if approval.made_state and run.agent.deployment_id is None:
        drafts.remove_folders(run)
    drafts.release_name(approval)


def superseding(approval: Approval) -> bool:
    """Whether another spawn of the same agent is open, so that name and folders are needed."""
    others = Approval.objects.filter(agent=approval.agent, kind=Approval.Kind.SPAWN).exclude(pk=approval.pk)
    return others.exclude(status__in=transitions.FINAL).exists()
