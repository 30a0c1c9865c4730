"""From approved to deployed: exactly what was approved is built, switched to, checked for health, and tagged.

Every step can be driven again: a worker killed anywhere leaves an approval that ends deployed or failed. Git's tags
tell how far it came, `ending` is the point of no return: before it an operator can cancel, after it the approval ends
as it says.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from agents import actors, configuration, interruption, jobs, lifecycle
from agents.interruption import Interrupted
from agents.jobs import JobFailed, Kind, Run
from agents.models import Deployment, Job
from agents.nixconfig.evaluate import EvaluationFailed, EvaluatorMissing
from approvals import endings, tags, transitions
from approvals.models import Approval
from approvals.verifying import Superseded, verify

Status = Approval.Status


def register_jobs() -> None:
    jobs.register("deploy", Kind(_deploy, Job.Lane.CONTAINER, failed=_failed))


def _deploy(run: Run) -> None:
    approval = _current(run.job)
    if approval.status in (Status.APPROVED, Status.BUILDING):
        try:
            with interruption.stoppable(called_off(approval)):
                _carry_on(run, approval)
        except Superseded as reason:
            run.log(str(reason))
            endings.superseded(_current(run.job), str(reason))
        except Interrupted:
            run.log("Called off.")
    if (approval := _current(run.job)).status == Status.CANCELLED:
        endings.cancelled(approval)
    run.log(f"Approval {approval.pk} is {approval.status}.")


def called_off(approval: Approval) -> Callable[[], bool]:
    """A question that can be asked often: has an operator cancelled this build?"""
    asked = [0.0, False]

    def cancelled() -> bool:
        if time.monotonic() - asked[0] > interruption.LOOK_SECONDS:
            asked[:] = time.monotonic(), Approval.objects.filter(pk=approval.pk, status=Status.CANCELLED).exists()
        return bool(asked[1])

    return cancelled


def _carry_on(run: Run, approval: Approval) -> None:
    """From wherever an earlier worker may have left it."""
    if approval.ending == Status.FAILED:
        raise JobFailed(approval.note)
    if approval.ending != Status.DEPLOYED:
        if approval.status == Status.APPROVED:
            approval = _begin(run, approval)
        deployment = _build(run, approval)
        verify(approval, deployment.options)
        if _current(run.job).status == Status.CANCELLED:
            raise Interrupted
        lifecycle.switch(run, deployment)
        _pass_the_gate(approval)
    with interruption.unstoppable():
        endings.deployed(run, approval)


def _begin(run: Run, approval: Approval) -> Approval:
    verify(approval)
    tags.plant(run.agent, f"approved/{approval.pk}", approval.commit)
    tags.plant(run.agent, f"building/{approval.pk}", approval.commit)
    run.log(f"Building {run.agent.name} from {approval.commit[:12]}.")
    return transitions.move(approval, Status.BUILDING, actor=actors.SYSTEM)


def _build(run: Run, approval: Approval) -> Deployment:
    repository = configuration.applied(run.agent.name)
    repository.checkout(approval.commit)
    try:
        built = configuration.build(run, approval.commit)
    except (EvaluationFailed, EvaluatorMissing) as failure:
        raise JobFailed(str(failure)) from failure
    given = {"commit": approval.commit, "tree": repository.tree_of(approval.commit)}
    deployment, _ = Deployment.objects.update_or_create(
        agent=run.agent,
        approval_id=approval.pk,
        defaults={**given, "options": built.options, "ignored": built.ignored},
    )
    return deployment


def _pass_the_gate(approval: Approval) -> None:
    """From here on it ends deployed. Whoever cancels at the same time is either before this or refused."""
    if not endings.settle(approval, Status.DEPLOYED):
        raise Interrupted


def _failed(job: Job, error: str) -> None:
    approval = _current(job)
    if approval.ending == Status.DEPLOYED and approval.status == Status.BUILDING:
        endings.conclude(approval)
    elif approval.status in (Status.APPROVED, Status.BUILDING) and endings.settle(approval, Status.FAILED, error):
        endings.failed(_current(job))
    elif _current(job).status == Status.CANCELLED:
        endings.cancelled(approval)


def _current(job: Job) -> Approval:
    return Approval.objects.select_related("agent", "agent__deployment").get(pk=job.approval_id or 0)
