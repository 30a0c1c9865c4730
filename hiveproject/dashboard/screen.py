"""An agent's screen in the browser: the page, its tickets, the control, the thumbnail, recordings."""

from __future__ import annotations

import re
import secrets

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.screen import lease, tickets
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.requests import HiveRequest, done, refused, show
from hiveproject.screens import control, presence
from hiveproject.screens.control import ControlRefused

PANELS = {"control": "screen/_control.html"}
_VIEWER = re.compile(r"[0-9a-f]{32}")


@require_safe
def screen_page(request: HiveRequest, name: str) -> HttpResponse:
    agent = _watched(request, name)
    context = {
        "agent": agent,
        "lease": lease.holder(agent),
        "absence": presence.absence(agent),
        "may_drive": control.may_drive(request.user),
        "topics": f"{control.TOPIC}:{agent.pk} agents:{agent.pk}",
        "recordings": agent.recordings.select_related("user")[:10],
    }
    return show(request, "screen/screen.html", PANELS, context)


@require_POST
def ticket(request: HiveRequest, name: str) -> HttpResponse:
    """A ticket for one connection. A page that connects again says which `viewer` it is, and keeps its control."""
    agent = _watched(request, name)
    recorded = "record" in request.POST
    if recorded and not control.may_drive(request.user):
        raise PermissionDenied(f"{request.user.get_username()} may watch, not record: ask an operator")
    viewer = request.POST.get("viewer", "")
    if not _VIEWER.fullmatch(viewer):
        viewer = secrets.token_hex(16)
    token = tickets.issue(agent, request.user, viewer, recorded=recorded)
    return JsonResponse({"ticket": token, "viewer": viewer}, headers={"Cache-Control": "no-store"})


@require_POST
def act(request: HiveRequest, name: str, verb: str) -> HttpResponse:
    """Take the mouse and keyboard, or hand them back."""
    agent, back = _watched(request, name), reverse("screen", args=[name])
    if not control.may_drive(request.user):
        raise PermissionDenied(f"{request.user.get_username()} may watch, not act: ask an operator")
    viewer = request.POST.get("viewer", "")
    if not _VIEWER.fullmatch(viewer):
        return refused(request, "Nothing was done: the screen is not connected.", back)
    try:
        if verb == "take":
            control.take(agent, user=request.user, viewer=viewer)
            return done(request, "You have the mouse and keyboard.", back)
        control.hand_back(agent, user=request.user, viewer=viewer)
    except ControlRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, "You are watching.", back)


def _watched(request: HiveRequest, name: str) -> Agent:
    agent = existing(name)
    if not control.may_watch(request.user):
        raise PermissionDenied(f"{request.user.get_username()} may not watch screens: ask an operator")
    return agent
