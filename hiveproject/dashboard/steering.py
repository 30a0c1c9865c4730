"""Orders to a running agent from its page, freezing, and signing it in."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from agents.models import Agent
from broker import control
from broker.control import OrderRefused
from hiveproject import steering
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.forms import HiveForm
from hiveproject.dashboard.messages import came_from
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused

WAIT_SECONDS = 5.0
PLAIN = ("interrupt", "compact", "new_session", "pause", "resume", "login_start", "login_cancel")


class ModelForm(HiveForm):
    model = forms.RegexField(
        r"\A[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]*\Z",
        required=False,
        max_length=200,
        error_messages={"invalid": "That is not the name of a model."},
    )


class CodeForm(HiveForm):
    code = forms.CharField(min_length=4, max_length=1000, error_messages={"required": "Enter the code first."})


@operators_only
def order(request: HiveRequest, name: str, verb: str) -> HttpResponse:
    return _ordered(request, existing(name), verb, {})


@operators_only
def set_model(request: HiveRequest, name: str) -> HttpResponse:
    form = ModelForm(request.POST)
    if not form.is_valid():
        return refused(request, form.complaint(), reverse("agent", args=[name]))
    return _ordered(request, existing(name), "set_model", {"model": form.cleaned_data["model"] or None})


@operators_only
def enter_code(request: HiveRequest, name: str) -> HttpResponse:
    form = CodeForm(request.POST)
    if not form.is_valid():
        return refused(request, form.complaint(), reverse("agent", args=[name]))
    return _ordered(request, existing(name), "login_code", {"code": form.cleaned_data["code"].strip()})


@operators_only
def freeze(request: HiveRequest, name: str, verb: str) -> HttpResponse:
    return _frozen(request, [existing(name)], verb)


@operators_only
def freeze_all(request: HiveRequest, verb: str) -> HttpResponse:
    return _frozen(request, list(Agent.objects.live().filter(running=True)), verb)


def _frozen(request: HiveRequest, agents: list[Agent], verb: str) -> HttpResponse:
    names = (steering.freeze if verb == "freeze" else steering.thaw)(agents, actor=actor(request))
    if not names:
        return refused(request, "Nothing was done: no agent runs.", came_from(request))
    who = names[0] if len(names) == 1 else f"{len(names)} agents"
    return done(request, f"{who} {'frozen' if verb == 'freeze' else 'thawed'}.", came_from(request))


def _ordered(request: HiveRequest, agent: Agent, verb: str, args: dict[str, str | None]) -> HttpResponse:
    back = came_from(request)
    try:
        answer = control.await_answer(steering.order(agent, verb, actor=actor(request), **args), WAIT_SECONDS)
    except OrderRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    if not answer.ok and answer.state not in ("queued", "sent"):
        return refused(request, f"{agent.name}: {answer.text}.", back)
    return done(request, f"{agent.name}: {answer.text}.", back)
