"""The terminal of an agent, and the recordings of those that were opened before."""

from __future__ import annotations

import os
from io import BufferedReader
from pathlib import Path

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from agents import tickets
from agents.backend import containers
from agents.models import TerminalSession, Ticket
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.requests import HiveRequest, show
from hiveproject.middleware import POLICY
from hiveproject.terminal import consumers, sessions

PANELS = {"terminals": "terminal/_sessions.html"}
_PAGE = 20
# The terminal lays itself out with style elements that it makes; scripts stay as strict as everywhere.
_STYLED = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def terminal_page(request: HiveRequest, name: str) -> HttpResponse:
    """A shell in the agent's container, and who had one."""
    agent = existing(name)
    page = Paginator(TerminalSession.objects.filter(agent=agent), _PAGE).get_page(request.GET.get("page"))
    context = {"agent": agent, "page": page, "topics": f"terminals:{name}", "may_open": may_open(request)}
    context["entry"] = containers().entry(name)
    return _styled(show(request, "terminal/terminal.html", PANELS, context))


@require_POST
def ticket(request: HiveRequest, name: str) -> HttpResponse:
    """A ticket for one connection."""
    if not may_open(request):
        raise PermissionDenied(f"{request.user.get_username()} may not open terminals: ask an operator")
    token = tickets.issue(existing(name), request.user, purpose=Ticket.Purpose.TERMINAL)
    return JsonResponse({"ticket": token}, headers={"Cache-Control": "no-store"})


def replay(request: HiveRequest, name: str, session_id: int) -> HttpResponse:
    """Plays a recording."""
    session = _recorded(request, name, session_id)
    return _styled(show(request, "terminal/replay.html", {}, {"agent": session.agent, "session": session}))


def recording(request: HiveRequest, name: str, session_id: int) -> FileResponse:
    """The recording itself, asciicast version 2."""
    session = _recorded(request, name, session_id)
    answer = FileResponse(_opened(sessions.file(name, session.pk)), content_type="application/x-asciicast")
    answer["Content-Disposition"] = f'attachment; filename="{name}-{session.pk}.cast"'
    answer["Cache-Control"] = "no-store"
    return answer


def may_open(request: HiveRequest) -> bool:
    return request.user.has_perm(consumers.MAY)


def _recorded(request: HiveRequest, name: str, session_id: int) -> TerminalSession:
    """What was on a screen is for those who may open one."""
    if not may_open(request):
        raise PermissionDenied(f"{request.user.get_username()} may not look at terminals: ask an operator")
    return get_object_or_404(TerminalSession.objects.select_related("agent"), pk=session_id, agent__name=name)


def _opened(path: Path) -> BufferedReader:
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise Http404("this terminal was not recorded, or its recording is gone") from error


def _styled(response: HttpResponse) -> HttpResponse:
    response.headers["Content-Security-Policy"] = _STYLED
    return response
