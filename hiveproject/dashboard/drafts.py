"""Drafts on the dashboard: make one, ask for its spawn, throw it away."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from agents.naming import NameRefused
from approvals import drafts, requests
from approvals.requests import RequestRefused
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.forms import SpawnForm, TypedNameForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused


@operators_only
def create(request: HiveRequest) -> HttpResponse:
    form, back = SpawnForm(request.POST), reverse("dashboard")
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    name = form.cleaned_data["name"]
    try:
        drafts.make(name, actor=actor(request))
    except (NameRefused, RequestRefused) as refusal:
        return refused(request, f"No draft was made: {refusal}.", back)
    return done(request, f"{name} is a draft: the manager can commit its configuration.", back)


@operators_only
def ask(request: HiveRequest, name: str) -> HttpResponse:
    """Ask for the draft to be spawned as its repository stands now."""
    try:
        approval = requests.spawn(existing(name).name, actor=actor(request), description="Spawned from its draft.")
    except (NameRefused, RequestRefused) as refusal:
        return refused(request, f"Not asked for: {refusal}.", reverse("dashboard"))
    return done(request, f"Asked for {name}.", reverse("approval", args=[approval.pk]), go=True)


@operators_only
def discard(request: HiveRequest, name: str) -> HttpResponse:
    """Throw the draft away. The name has to be typed."""
    agent, form, back = existing(name), TypedNameForm(request.POST, name=name), reverse("dashboard")
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    try:
        drafts.discard(agent, actor=actor(request))
    except RequestRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"The draft {name} is thrown away.", back)
