"""Approvals: the queue, the history, and the page on which one is decided."""

from __future__ import annotations

from collections.abc import Callable

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from agents.models import Job
from approvals import contents, decisions, queue
from approvals.decisions import DecisionRefused
from approvals.models import Approval
from approvals.transitions import TransitionRefused
from hiveproject.dashboard.case import Case, may_consent
from hiveproject.dashboard.forms import DecisionForm, FilterForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, may_decide, operators_only, refused, show

LIST_PANELS = {"queue": "approvals/_queue.html", "history": "approvals/_history.html"}
PANELS = {
    "approval": "approvals/_approval.html",
    "effect": "approvals/_effect.html",
    "files": "approvals/_files.html",
    "trail": "approvals/_trail.html",
    "decision": "approvals/_decision.html",
}
_PAGE = 30
_DECIDE: dict[str, Callable[..., Approval]] = {
    "approve": decisions.approve,
    "deny": decisions.deny,
    "cancel": decisions.cancel,
}
_FIRST_OF_TWO = "Your consent is kept. Somebody else has to approve it too before it is built."
_SAID = {"approve": "Approved: it is being built.", "deny": "Denied.", "cancel": "Cancelled."}


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
    """`?against=` chooses what the change is compared with, `?whole`, `?all` and `?file=` how much of it is shown."""
    approval = get_object_or_404(Approval.objects.select_related("agent__deployment"), pk=approval_id)
    case = Case(
        approval,
        against=request.GET.get("against", ""),
        whole="whole" in request.GET,
        everything="all" in request.GET,
        path=request.GET.get("file", ""),
    )
    _read_base(request, case)
    context = {
        "case": case,
        "approval": approval,
        "may_consent": may_consent(case, request.user),
        "topics": f"approvals:{approval.pk} jobs joblog",
        "file_topics": f"approvals:{approval.pk} agents:{approval.agent_id}",
    }
    return show(request, "approvals/approval.html", PANELS, context)


@operators_only
def decide(request: HiveRequest, approval_id: int) -> HttpResponse:
    approval = get_object_or_404(Approval.objects.select_related("agent"), pk=approval_id)
    form, back = DecisionForm(request.POST), reverse("approval", args=[approval_id])
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    decision, more = given["decision"], {}
    if decision == "approve":
        more = {"seen": given["seen"], "typed_name": given["typed"]}
    try:
        decided = _DECIDE[decision](approval, actor=actor(request), note=given["note"].strip(), **more)
    except (TransitionRefused, DecisionRefused) as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, _FIRST_OF_TWO if decided.is_pending else _SAID[decision], back)


@operators_only
def supersede(request: HiveRequest, approval_id: int) -> HttpResponse:
    """Let this proposal take the place of an older one for the same agent."""
    approval = get_object_or_404(Approval.objects.select_related("agent"), pk=approval_id)
    older, back = request.POST.get("older", ""), reverse("approval", args=[approval_id])
    replaced = Approval.objects.select_related("agent").filter(pk=older if _is_number(older) else 0).first()
    if replaced is None:
        return refused(request, "Nothing was done: there is no such approval.", back)
    try:
        decisions.supersede(replaced, by=approval, actor=actor(request))
    except (TransitionRefused, DecisionRefused) as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"Approval {replaced.pk} is superseded by this one.", back)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _read_base(request: HiveRequest, case: Case) -> None:
    """Have a worker read the files to compare with where nobody has yet, once."""
    base = case.base
    if base is None or base.files is not None or not may_decide(request.user):
        return
    asked = Job.objects.filter(agent=case.approval.agent, kind="remember", options={"commit": base.commit})
    if not asked.exists():
        contents.request(case.approval.agent, base.commit, actor=actor(request))
