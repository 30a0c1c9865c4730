"""Building a change before anyone decides on it, where the operator's setting asks for that (`HYPERHIVE_PREBUILD`)."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from agents import actors, configuration, feed, interruption, jobs
from agents.interruption import Interrupted
from agents.jobs import Kind, Run
from agents.models import Job
from agents.nixconfig.evaluate import EvaluationFailed, EvaluatorMissing
from approvals.models import Approval

QUEUED, RUNNING, OK, FAILED = "queued", "running", "ok", "failed"


def register_jobs() -> None:
    jobs.register("prebuild", Kind(_prebuild, Job.Lane.BUILD, failed=_failed))


def request(approval: Approval) -> None:
    """Have a waiting approval built in the background; the job's log streams, the result stands on the approval.

    `approval.prebuild` is then `{"status": queued | running | ok | failed, "job": id, "error": text}`.
    """
    if settings.HIVE_PREBUILD and approval.commit:
        with transaction.atomic():
            job = jobs.request("prebuild", approval.agent, actor=actors.SYSTEM, approval_id=approval.pk)
            _note(approval, job, QUEUED)


def _prebuild(run: Run) -> None:
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if not approval.is_pending:
        run.log(f"Approval {approval.pk} is {approval.status} already.")
        return
    _note(approval, run.job, RUNNING)
    try:
        with interruption.stoppable(lambda: _decided(approval)):
            built = configuration.build(run, approval.commit)
    except (EvaluationFailed, EvaluatorMissing) as failure:
        run.log(str(failure))
        _note(approval, run.job, FAILED, str(failure))
        return
    except Interrupted:
        run.log("It was decided meanwhile: this build is not needed any more.")
        return
    other = sorted(name for name in built.options if built.options[name] != approval.options.get(name))
    if other:
        _note(approval, run.job, FAILED, f"It evaluates to other options than those shown: {', '.join(other)}.")
    else:
        _note(approval, run.job, OK)
        run.log("Built: what was shown can be switched to.")


def _decided(approval: Approval) -> bool:
    return not Approval.objects.filter(pk=approval.pk, status=Approval.Status.PENDING).exists()


def _failed(job: Job, error: str) -> None:
    _note(Approval.objects.get(pk=job.approval_id or 0), job, FAILED, error)


def _note(approval: Approval, job: Job, status: str, error: str = "") -> None:
    result = {"status": status, "job": job.pk, "error": error}
    with transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(prebuild=result)
        feed.publish("approvals", approval.pk)
