"""Pinning: fetch exactly what was asked for into the host's own repository, check it, evaluate it, show it.

Whatever happens to the proposed repository afterwards changes nothing.
"""

from __future__ import annotations

import shutil

from django.conf import settings
from django.db import transaction

from agents import actors, configuration, feed, jobs, lifecycle, naming
from agents.containers import privileged
from agents.containers.protocol import VerbFailed, VerbRefused
from agents.jobs import Kind, Run
from agents.models import Agent, Job
from agents.nixconfig.evaluate import Evaluation, EvaluationFailed, EvaluatorMissing
from agents.paths import inside
from agents.repositories.applied import ProposalRefused
from agents.repositories.proposed import RepositoryUnreadable
from approvals import contents, decisions, risks, tags, transitions
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
    Approval.objects.filter(pk=approval.pk).update(commit=commit, tree=tree)
    approval.refresh_from_db()
    try:
        evaluation = configuration.evaluated(run, commit)
    except (EvaluationFailed, EvaluatorMissing) as failure:
        _fail(run, approval, str(failure))
        return
    _remember_files(approval)
    run.log(f"Pinned {commit[:12]} for approval {approval.pk}.")
    pending = transitions.move(
        approval,
        Status.PENDING,
        actor=actors.SYSTEM,
        options=evaluation.options,
        ignored=evaluation.ignored,
        flags=_flags(approval, evaluation),
    )
    if naming.is_manager(run.agent.name) and approval.kind == Approval.Kind.SPAWN and approval.requested_by == "system":
        decisions.approve(pending, actor=actors.SYSTEM, note="The manager's first start.")


def _make_state(run: Run, approval: Approval) -> None:
    name = run.agent.name
    run.log(f"Making the folders and the configuration repository of {name}.")
    privileged.call("prepare", name=name)
    privileged.call("seed_proposed", name=name, text=configuration.initial_text(name))
    manager = Agent.objects.live().filter(name=naming.MANAGER).first()
    if manager is not None and approval.made_state:
        lifecycle.refresh_manager(manager, actor=actors.SYSTEM)


def _fetch(run: Run, approval: Approval) -> str:
    """The full id of the commit, its objects emitted by the repository's own side and indexed on ours.

    An agent that is revived runs what it ran before.
    """
    repository = configuration.applied(run.agent.name)
    repository.ensure()
    if approval.kind == Approval.Kind.SPAWN and (main := repository.main()) is not None:
        return main
    ref = approval.commit_ref or str(privileged.call("head_commit", name=run.agent.name))
    pack = run.folder / "proposal.pack"
    with pack.open("wb") as file:
        privileged.call("emit_objects", out_fd=file.fileno(), name=run.agent.name, commit_ref=ref)
    return repository.receive(pack, ref, tag=f"proposal/{approval.pk}").commit


def _flags(approval: Approval, evaluation: Evaluation) -> list[dict[str, str]]:
    """What the operator should look at twice, compared with what runs."""
    running = approval.agent.deployment
    change = risks.Change.from_repository(
        configuration.applied(approval.agent.name),
        running.commit if running else None,
        approval.commit,
        running.options if running else None,
        evaluation.options,
        backend=settings.HIVE_BACKEND,
    )
    return [flag.to_json() for flag in risks.assess(change)]


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
        if approval.kind == Approval.Kind.SPAWN:
            _release_name(approval)


def _unpin(run: Run) -> None:
    """After a refusal: plant the annotated tag, or remove what a refused spawn had made."""
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if approval.kind == Approval.Kind.SPAWN:
        _throw_away(run, approval)
    elif approval.status == Status.DENIED:
        tags.plant(run.agent, f"denied/{approval.pk}", approval.commit, approval.note or "denied without a note")
    run.log(f"Approval {approval.pk} is {approval.status}.")


def _throw_away(run: Run, approval: Approval) -> None:
    if approval.made_state and run.agent.deployment_id is None:
        name, paths = run.agent.name, settings.HIVE_PATHS
        privileged.call("purge", name=name)
        if paths.applied(name).exists():
            shutil.rmtree(inside(paths.state, paths.applied(name)))
        tags.reconcile(run.agent)
        run.log(f"Removed what the request for {name} had made.")
    _release_name(approval)


def _release_name(approval: Approval) -> None:
    with transaction.atomic():
        now = Agent.Lifecycle.GONE if approval.made_state else Agent.Lifecycle.KEPT
        Agent.objects.filter(pk=approval.agent_id, lifecycle=Agent.Lifecycle.REQUESTED).update(lifecycle=now)
        feed.publish("agents", approval.agent_id)
