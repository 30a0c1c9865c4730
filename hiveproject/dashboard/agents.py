"""One agent: its state and controls, conversation, configuration, log and deploys."""

from __future__ import annotations

from functools import cached_property

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString

from agents import lifecycle
from agents.backend import containers
from agents.lifecycle import LifecycleRefused
from agents.models import Agent, Job, Secret
from agents.naming import NameRefused
from approvals import contents, highlight, requests
from approvals.models import Approval, Tag
from approvals.requests import RequestRefused
from broker.models import Message
from hiveproject import overview, signing_in
from hiveproject.dashboard import messages
from hiveproject.dashboard.forms import RollbackForm, TypedNameForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused, show
from hiveproject.overview import Standing
from hiveproject.screens import presence
from hiveproject.signing_in import SignIn

PANELS = {
    "agent": "agents/_agent.html",
    "conversation": "agents/_conversation.html",
    "deploys": "agents/_deploys.html",
    "secrets": "agents/_secrets.html",
    "steering": "agents/_steering.html",
    "work": "agents/_work.html",
    "end": "agents/_end.html",
}
_RECENT = 10
_LOG_CHOICES = (200, 1_000, 5_000)
_VERBS = {
    "start": (lifecycle.start, "starts"),
    "stop": (lifecycle.stop, "stops"),
    "restart": (lifecycle.restart, "is restarted"),
    "rebuild": (lifecycle.rebuild, "is rebuilt"),
}


class Profile:
    """One agent with everything its page shows."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    @cached_property
    def standing(self) -> Standing:
        return overview.standings(Agent.objects.filter(pk=self.agent.pk))[0]

    @cached_property
    def conversation(self) -> list[Message]:
        return messages.conversation(self.agent.name)

    @cached_property
    def deploys(self) -> list[tuple[Tag, Approval | None]]:
        """Every deploy that can be put back, newest first, with the approval it came from."""
        tags = list(Tag.objects.filter(agent=self.agent, name__startswith="deployed/"))
        approvals = Approval.objects.in_bulk([_number(tag) for tag in tags])
        return [(tag, approvals.get(_number(tag))) for tag in sorted(tags, key=_number, reverse=True)]

    @cached_property
    def login(self) -> SignIn:
        return signing_in.state(self.agent)

    @cached_property
    def secrets(self) -> list[Secret]:
        return list(self.agent.secrets.all())

    @cached_property
    def approvals(self) -> list[Approval]:
        return list(self.agent.approvals.select_related("agent")[:_RECENT])

    @cached_property
    def jobs(self) -> list[Job]:
        return list(self.agent.jobs.select_related("agent")[:_RECENT])


def agent_page(request: HiveRequest, name: str) -> HttpResponse:
    agent = existing(name)
    topics = f"agents:{agent.pk} approvals jobs deliveries:{name} orders:{name}"
    context = {"profile": Profile(agent), "agent": agent, "topics": topics, "has_screen": presence.is_enabled(agent)}
    return show(request, "agents/agent.html", PANELS, context)


def configuration(request: HiveRequest, name: str) -> HttpResponse:
    """The applied `agent.nix`, coloured."""
    agent = existing(name)
    text = contents.applied_file(agent)
    lines: list[SafeString] = highlight.lines(text.removesuffix("\n"), "agent.nix") if text is not None else []
    template = "agents/_configuration.html" if request.htmx else "agents/configuration.html"
    return show(request, template, {}, {"agent": agent, "lines": lines})


def configuration_text(_request: HiveRequest, name: str) -> HttpResponse:
    """`GET /api/agent-config/<name>`: the applied `agent.nix` as plain text."""
    text = contents.applied_file(existing(name))
    if text is None:
        raise Http404(f"{name} has no applied agent.nix yet")
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


def container_log(request: HiveRequest, name: str) -> HttpResponse:
    """The last lines the agent's container wrote."""
    agent = existing(name)
    asked = request.GET.get("lines", "")
    count = int(asked) if asked.isdecimal() and int(asked) in _LOG_CHOICES else _LOG_CHOICES[0]
    template = "agents/_log.html" if request.htmx else "agents/log.html"
    context = {"agent": agent, "lines": containers().logs(name, count), "count": count, "choices": _LOG_CHOICES}
    return show(request, template, {}, context)


@operators_only
def act(request: HiveRequest, name: str, verb: str) -> HttpResponse:
    """Start, stop, restart or rebuild."""
    agent = existing(name)
    function, words = _VERBS[verb]
    try:
        function(agent, actor=actor(request))
    except LifecycleRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", messages.came_from(request))
    return done(request, f"{name} {words}.", messages.came_from(request))


@operators_only
def destroy(request: HiveRequest, name: str) -> HttpResponse:
    """Take the container away, or with `purge` everything. The name has to be typed."""
    agent, purge = existing(name), "purge" in request.POST
    form, back = TypedNameForm(request.POST, name=name), messages.came_from(request)
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    try:
        lifecycle.destroy(agent, actor=actor(request), purge=purge)
    except LifecycleRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"{name} is {'purged' if purge else 'destroyed'}.", reverse("dashboard"), go=True)


@operators_only
def revive(request: HiveRequest, name: str) -> HttpResponse:
    """Ask for a destroyed agent again, with the state that was kept."""
    try:
        approval = requests.spawn(existing(name).name, actor=actor(request), description="Revived from kept state.")
    except (NameRefused, RequestRefused) as refusal:
        return refused(request, f"Nothing was done: {refusal}.", messages.came_from(request))
    return done(request, f"Asked for {name} again.", reverse("approval", args=[approval.pk]), go=True)


@operators_only
def rollback(request: HiveRequest, name: str) -> HttpResponse:
    form, back = RollbackForm(request.POST), reverse("agent", args=[name])
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    try:
        approval = requests.rollback(existing(name).name, given["tag"], reason=given["reason"], actor=actor(request))
    except RequestRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"{name} goes back to {given['tag']}.", reverse("approval", args=[approval.pk]), go=True)


def existing(name: str) -> Agent:
    """The agent, unless it never was or everything of it is gone."""
    known = Agent.objects.select_related("deployment", "started_deployment").exclude(lifecycle=Agent.Lifecycle.GONE)
    return get_object_or_404(known, name=name)


def _number(tag: Tag) -> int:
    number = tag.name.partition("/")[2]
    return int(number) if number.isdecimal() else -1
