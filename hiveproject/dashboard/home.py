"""The dashboard: what needs a person, who does what, and what was said."""

from __future__ import annotations

from functools import cached_property

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from agents.models import Agent, Job
from agents.naming import NameRefused
from approvals import drafts, requests
from approvals.drafts import Draft
from approvals.requests import RequestRefused
from broker import flow, inbox, schedules
from broker.models import Delivery, Message
from hiveproject import overview
from hiveproject.dashboard import messages
from hiveproject.dashboard.forms import SpawnForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused, show
from hiveproject.overview import Item, Standing

PANELS = {
    "attention": "dashboard/_attention.html",
    "agents": "dashboard/_agents.html",
    "jobs": "dashboard/_jobs.html",
    "drafts": "dashboard/_drafts.html",
    "kept": "dashboard/_kept.html",
    "schedules": "schedules/_schedules.html",
    "flow": "dashboard/_flow.html",
}
_JOBS, _SCHEDULES = 8, 8


class Hive:
    """What the dashboard shows; each part is fetched when a template asks for it."""

    @cached_property
    def agents(self) -> list[Standing]:
        return overview.standings()

    @cached_property
    def attention(self) -> list[Item]:
        return overview.attention(self.agents)

    @cached_property
    def drafts(self) -> list[Draft]:
        return drafts.known()

    @cached_property
    def kept(self) -> QuerySet[Agent]:
        return Agent.objects.kept().select_related("deployment")

    @cached_property
    def jobs(self) -> list[Job]:
        return list(Job.objects.select_related("agent")[:_JOBS])

    @cached_property
    def flow(self) -> list[Message]:
        return list(flow.recent(messages.FLOW))

    @cached_property
    def unread(self) -> int:
        """The newest message to the operator that nobody has marked as read; 0 when there is none."""
        new = inbox.operator().filter(state=Delivery.State.QUEUED).order_by("-message_id")
        return new.values_list("message_id", flat=True).first() or 0


def dashboard(request: HiveRequest) -> HttpResponse:
    context = {"hive": Hive(), "schedules": SimpleLazyObject(lambda: list(schedules.active()[:_SCHEDULES]))}
    return show(request, "dashboard/dashboard.html", PANELS, context)


@operators_only
def spawn(request: HiveRequest) -> HttpResponse:
    form, back = SpawnForm(request.POST), reverse("dashboard")
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    try:
        approval = requests.spawn(given["name"], actor=actor(request), description=given["description"])
    except (NameRefused, RequestRefused) as refusal:
        return refused(request, f"Not asked for: {refusal}.", back)
    text = f"Asked for {approval.agent.name}: decide here when its configuration is ready."
    return done(request, text, reverse("approval", args=[approval.pk]), go=True)
