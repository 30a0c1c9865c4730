"""Jobs: what was done, and the log of one while it grows."""

from __future__ import annotations

from functools import cached_property

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from agents.models import Job, JobLine
from hiveproject.dashboard.requests import HiveRequest, show

PANELS = {"job": "jobs/_job.html"}
LIST_PANELS = {"jobs": "jobs/_jobs.html"}
_PAGE = 40
_LINES = 2_000


class Log:
    """Lines of a job's log after a given one; `last` is where the next reading goes on."""

    def __init__(self, job: Job, after: int, *, whole: bool = False) -> None:
        self.job, self.after, self.whole = job, after, whole

    @cached_property
    def lines(self) -> list[JobLine]:
        newest = self.job.lines.filter(id__gt=self.after).order_by("-id")
        return list(reversed(newest if self.whole else newest[:_LINES]))

    @cached_property
    def left_out(self) -> int:
        """How many lines before these are not shown."""
        if self.after or len(self.lines) < _LINES:
            return 0
        return self.job.lines.count() - len(self.lines)

    @property
    def last(self) -> int:
        return self.lines[-1].pk if self.lines else self.after


def job_list(request: HiveRequest) -> HttpResponse:
    page = Paginator(Job.objects.select_related("agent"), _PAGE).get_page(request.GET.get("page"))
    return show(request, "jobs/list.html", LIST_PANELS, {"page": page})


def job_page(request: HiveRequest, job_id: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("agent"), pk=job_id)
    log = Log(job, 0, whole="whole" in request.GET)
    return show(request, "jobs/job.html", PANELS, {"job": job, "log": log, "topics": f"jobs:{job.pk}"})


def job_lines(request: HiveRequest, job_id: int) -> HttpResponse:
    """The lines after `?after=`, and the mark that fetches those after them."""
    job = get_object_or_404(Job, pk=job_id)
    after = request.GET.get("after", "0")
    log = Log(job, int(after) if after.isdecimal() and len(after) < 19 else 0)
    return show(request, "jobs/_lines.html", {}, {"job": job, "log": log})
