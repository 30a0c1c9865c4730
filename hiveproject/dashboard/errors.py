"""When something is wrong: a page for people, a line for htmx and for programs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

_TITLES = {
    400: "That request makes no sense here",
    403: "You may not do that",
    404: "There is nothing here",
    500: "The hive made a mistake",
}
_ADVICE = {
    400: "Go back and try again.",
    403: "Sign in as an operator, or ask one.",
    404: "It may have been purged, or the address is wrong.",
    500: "It is in the web process's log. Nothing half-done was kept; try again.",
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, exception)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, exception)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, None)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 403, PermissionError("This page was open for too long: reload it and try again."))


def _answer(request: HttpRequest, status: int, exception: Exception | None) -> HttpResponse:
    said = _said(exception)
    if getattr(request, "htmx", False) or request.path.startswith("/api/"):
        return HttpResponse(said or _TITLES[status], status=status, content_type="text/plain; charset=utf-8")
    context = {"status": status, "title": _TITLES[status], "said": said, "advice": _ADVICE[status]}
    return render(request, "error.html", context, status=status)


def _said(exception: Exception | None) -> str:
    """The words of an exception that were meant for a person; Django's own about rows and paths are not."""
    words = exception.args[0] if exception is not None and exception.args else ""
    return words if isinstance(words, str) and not words.startswith("No ") else ""
