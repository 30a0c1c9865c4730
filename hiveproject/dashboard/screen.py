"""An agent's screen in the browser: the page, its tickets, the control, the thumbnail, recordings."""

from __future__ import annotations

import base64
import re
import secrets

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from agents import tickets
from agents.models import Agent, ScreenRecording
from agents.screen import lease, target
from agents.screen.rfb import RfbError
from agents.screen.target import NoScreen
from agents.screen.thumbnail import picture
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.requests import HiveRequest, done, refused, show
from hiveproject.screens import control, presence, recordings
from hiveproject.screens.control import ControlRefused

PANELS = {"control": "screen/_control.html", "recordings": "screen/_recordings.html"}
_THUMBNAIL_SECONDS = 10
_PIECE = 1024 * 1024
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


@require_safe
def thumbnail(request: HiveRequest, name: str) -> HttpResponse:
    """A part of a page: the screen as a small picture, or why there is none. Asked for once in a while, drawn once."""
    agent = _watched(request, name)
    key = f"thumbnail:{agent.pk}"
    found: tuple[str, str] | None = cache.get(key)
    if found is None:
        found = _drawn(agent)
        cache.set(key, found, _THUMBNAIL_SECONDS)
    return show(request, "screen/_thumbnail.html", {}, {"agent": agent, "picture": found[0], "absence": found[1]})


@require_safe
def recording(request: HiveRequest, name: str, number: int) -> HttpResponse:
    """Plays a recorded session."""
    agent = _watched(request, name)
    found = get_object_or_404(ScreenRecording.objects.select_related("user"), agent=agent, pk=number)
    return show(request, "screen/recording.html", {}, {"agent": agent, "recording": found})


@require_safe
def recording_piece(request: HiveRequest, name: str, number: int) -> HttpResponse:
    """`?from=` an offset: the next bytes of the file, none at its end."""
    agent = _watched(request, name)
    found = get_object_or_404(ScreenRecording.objects.select_related("agent"), agent=agent, pk=number)
    asked = request.GET.get("from", "0")
    try:
        data = recordings.piece(found, int(asked) if asked.isdecimal() else 0, _PIECE)
    except FileNotFoundError as error:
        raise Http404("the file of this recording is gone") from error
    return HttpResponse(data, content_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _drawn(agent: Agent) -> tuple[str, str]:
    """(PNG as base64, why there is none)"""
    if absent := presence.absence(agent):
        return "", absent
    paths = settings.HIVE_PATHS
    try:
        drawn = picture(target.connect(paths, agent.name), target.credentials(paths, agent.name))
    except (NoScreen, RfbError) as error:
        return "", f"It cannot be shown: {error}."
    return base64.b64encode(drawn).decode(), ""


def _watched(request: HiveRequest, name: str) -> Agent:
    agent = existing(name)
    if not control.may_watch(request.user):
        raise PermissionDenied(f"{request.user.get_username()} may not watch screens: ask an operator")
    return agent
