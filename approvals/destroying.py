"""An agent's end that was asked for by the manager: once approved it is done, or has failed."""

from __future__ import annotations

from django.db import transaction

from agents import actors, jobs, lifecycle
from agents.jobs import Kind, Run
from agents.models import Agent, Job
from approvals import decisions, transitions
from approvals.models import Approval

Status = Approval.Status


def register_jobs() -> None:
    jobs.register("destroy_approved", Kind(_destroy, Job.Lane.CONTAINER, failed=_failed))


def _destroy(run: Run) -> None:
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if approval.status != Status.APPROVED:
        run.log(f"Approval {approval.pk} is {approval.status}: nothing to do.")
        return
    if run.agent.lifecycle == Agent.Lifecycle.LIVE:
        Agent.objects.filter(pk=run.agent.pk).update(wanted=False)
        lifecycle.carry_out_destroy(run, purge=False)
    with transaction.atomic():
        decisions.tell_requester(transitions.move(approval, Status.DONE, actor=actors.SYSTEM))


def _failed(job: Job, error: str) -> None:
    approval = Approval.objects.select_related("agent").get(pk=job.approval_id or 0)
    if approval.status == Status.APPROVED:
        with transaction.atomic():
            failed = transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=error)
            decisions.tell_requester(failed, "operator")
