"""Who may do what, and how a page answers: as a page, as the parts of it that changed, or as a short word."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event
from django_htmx.middleware import HtmxDetails

from agents import actors
from agents.actors import Actor

P = ParamSpec("P")
STANDING = {"standing": "hive/_standing.html"}


class HiveRequest(HttpRequest):
    """A signed-in request; who is not signed in never reaches a view (`middleware.SignInRequired`)."""

    htmx: HtmxDetails
    user: User


def may_decide(user: User) -> bool:
    """Operators act; everybody else who is signed in looks on."""
    return user.is_active and user.has_perm("approvals.decide")


def actor(request: HiveRequest) -> Actor:
    return actors.operator(request.user.get_username())


def operators_only(
    view: Callable[Concatenate[HiveRequest, P], HttpResponse],
) -> Callable[Concatenate[HiveRequest, P], HttpResponse]:
    """For views that change something: POST only, and only by who may decide."""

    @require_POST
    @functools.wraps(view)
    def checked(request: HiveRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not may_decide(request.user):
            raise PermissionDenied(f"{request.user.get_username()} may look, not act: ask an operator")
        return view(request, *args, **kwargs)

    return checked


def show(
    request: HiveRequest, template: str, panels: Mapping[str, str], context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    """The page, or with `?panels=a,b` from htmx only these parts of it, to be morphed into place.

    `panels` names the template of each part; the page includes the same templates.
    """
    known = {**panels, **STANDING}
    wanted = [name for name in request.GET.get("panels", "").split(",") if name in known]
    if request.htmx and wanted:
        context = {**context, "as_parts": True}
        response = HttpResponse("".join(render_to_string(known[name], context, request) for name in wanted))
    else:
        response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


def done(request: HiveRequest, text: str, to: str, *, go: bool = False) -> HttpResponse:
    """It worked: say so. With `go` the reader is taken to `to`; without it htmx stays where it is."""
    if request.htmx and not go:
        return _toast(HttpResponse(status=204), text, "done")
    messages.success(request, text)
    return HttpResponseClientRedirect(to) if request.htmx else redirect(to)


def refused(request: HiveRequest, text: str, to: str) -> HttpResponse:
    """It was refused, and nothing has changed: say why."""
    if request.htmx:
        return _toast(HttpResponse(status=409), text, "refused")
    messages.error(request, text)
    return redirect(to)


def _toast(response: HttpResponse, text: str, tone: str) -> HttpResponse:
    return trigger_client_event(response, "hive:toast", {"text": text[:2_000], "tone": tone})
