"""Waiting for a job, its log shown as it comes."""

from __future__ import annotations

import sys
from collections.abc import Collection

from agents import commits
from agents.models import Job, JobLine
from approvals.models import Approval
from approvals.transitions import FINAL
from hiveproject import health
from hiveproject.hivectl.answers import readable

_WAIT_SECONDS = 1.0


def for_job(job: Job, *, show: bool) -> Job:
    """Return the job when it is over; `show` prints its log meanwhile."""
    news = commits.watch()
    seen = 0
    while True:
        fresh = Job.objects.select_related("agent").get(pk=job.pk)
        seen = _print_lines(fresh, seen) if show else seen
        if fresh.is_over:
            return fresh
        while not news.changed():
            news.wait(_WAIT_SECONDS)


def for_pin(approval: Approval) -> Approval:
    """Return the approval when it is pinned, or has failed at that."""
    return _when(approval, {Approval.Status.PINNING})


def for_decision(approval: Approval) -> Approval:
    """Return the approval when it is decided, or over for another reason."""
    return _when(approval, {Approval.Status.PINNING, Approval.Status.PENDING})


def for_deploy(approval: Approval, *, show: bool) -> Approval:
    """Return the approval when it is deployed or over for another reason; `show` prints the build's log."""
    if for_decision(approval).status not in FINAL:
        for_job(Job.objects.filter(approval_id=approval.pk, kind="deploy").latest("id"), show=show)
    return Approval.objects.select_related("agent").get(pk=approval.pk)


def warn_without_worker(*, show: bool) -> None:
    """Tell a person who would see nothing happen."""
    if show and not health.worker_lives():
        sys.stderr.write("hivectl: the hive's worker does not run; this waits until it does\n")


def _when(approval: Approval, left: Collection[str]) -> Approval:
    """The approval as soon as its status is none of `left`."""
    news = commits.watch()
    while True:
        fresh = Approval.objects.select_related("agent").get(pk=approval.pk)
        if fresh.status not in left:
            return fresh
        while not news.changed():
            news.wait(_WAIT_SECONDS)


def _print_lines(job: Job, seen: int) -> int:
    for number, text in JobLine.objects.filter(job=job, id__gt=seen).order_by("id").values_list("id", "text"):
        sys.stdout.write(f"{readable(text)}\n")
        seen = number
    sys.stdout.flush()
    return seen
