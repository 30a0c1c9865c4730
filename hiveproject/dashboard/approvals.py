"""Approvals: the queue, the history, and the page on which one is decided."""

from __future__ import annotations

from functools import cached_property

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from agents.models import Job, JobLine
from approvals import contents, decisions, diffs, optionchanges, queue, requests
from approvals.decisions import DecisionRefused
from approvals.diffs import FileDiff
from approvals.models import Approval, AuditEvent, Tag
from approvals.optionchanges import OptionChange
from approvals.transitions import TransitionRefused
from broker.schedules import Plan
from hiveproject import schedules
from hiveproject.dashboard.forms import DecisionForm, FilterForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused, show

LIST_PANELS = {"queue": "approvals/_queue.html", "history": "approvals/_history.html"}
PANELS = {
    "approval": "approvals/_approval.html",
    "files": "approvals/_files.html",
    "effect": "approvals/_effect.html",
    "decision": "approvals/_decision.html",
}
_PAGE = 30
_LOG_LINES = 12
_DECIDE = {"approve": decisions.approve, "deny": decisions.deny, "cancel": decisions.cancel}
_SAID = {"approve": "Approved: it is being built.", "deny": "Denied.", "cancel": "Cancelled."}


class Case:
    """One approval with what an operator looks at before deciding."""

    def __init__(self, approval: Approval) -> None:
        self.approval = approval

    @cached_property
    def files(self) -> list[FileDiff] | None:
        """What changes; None when the files of the commit were never kept."""
        sides = contents.sides(self.approval)
        return None if sides is None else diffs.compare(*sides)

    @cached_property
    def hidden(self) -> list[str]:
        """Characters in the change that a reader would not see, unless a flag names them already."""
        if any(flag["rule"] == "invisible" for flag in self.approval.flags):
            return []
        return list(dict.fromkeys(name for file in self.files or [] for name in file.hidden))

    @cached_property
    def options(self) -> list[OptionChange]:
        if self.plan is not None:
            return []
        deployment = self.approval.agent.deployment
        return optionchanges.compare(deployment.options if deployment else None, self.approval.options)

    @cached_property
    def plan(self) -> Plan | None:
        """What would be sent and when, where a scheduled prompt is asked for."""
        return schedules.plan_of_approval(self.approval)

    @cached_property
    def unchanged(self) -> int:
        return sum(not option.changed for option in self.options)

    @cached_property
    def job(self) -> Job | None:
        return requests.waiting_job(self.approval)

    @cached_property
    def log(self) -> list[JobLine]:
        """The last lines of the newest job, oldest first."""
        return list(reversed(self.job.lines.order_by("-id")[:_LOG_LINES])) if self.job is not None else []

    @cached_property
    def tags(self) -> QuerySet[Tag]:
        return Tag.objects.filter(agent=self.approval.agent, name__endswith=f"/{self.approval.pk}").order_by("id")

    @cached_property
    def audit(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(approval_id=self.approval.pk).order_by("id")


def approval_list(request: HiveRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = Approval.objects.select_related("agent")
    if chosen.get("status"):
        found = found.filter(status=chosen["status"])
    else:
        found = found.exclude(status=Approval.Status.PENDING)
    if chosen.get("agent"):
        found = found.filter(agent__name=chosen["agent"])
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    query = "".join(f"{name}={value}&" for name, value in chosen.items() if value)
    context = {"waiting": queue.pending(), "page": page, "form": form, "chosen": chosen, "query": query}
    return show(request, "approvals/list.html", LIST_PANELS, context)


def approval_page(request: HiveRequest, approval_id: int) -> HttpResponse:
    approval = get_object_or_404(Approval.objects.select_related("agent__deployment"), pk=approval_id)
    context = {
        "case": Case(approval),
        "approval": approval,
        "whole": "whole" in request.GET,
        "topics": f"approvals:{approval.pk} jobs joblog",
        "file_topics": f"approvals:{approval.pk}",
    }
    return show(request, "approvals/approval.html", PANELS, context)


@operators_only
def decide(request: HiveRequest, approval_id: int) -> HttpResponse:
    approval = get_object_or_404(Approval.objects.select_related("agent"), pk=approval_id)
    form, back = DecisionForm(request.POST), reverse("approval", args=[approval_id])
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    decision = form.cleaned_data["decision"]
    try:
        _DECIDE[decision](approval, actor=actor(request), note=form.cleaned_data["note"].strip())
    except (TransitionRefused, DecisionRefused) as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, _SAID[decision], back)
