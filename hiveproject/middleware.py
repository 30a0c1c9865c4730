"""What every answer carries, and who may ask at all."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicy:
    """Nothing inline, nothing from elsewhere: text of agents cannot become a script even where it was not escaped."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class SignInRequired(LoginRequiredMiddleware):
    """Every page needs a signed-in user unless its view says otherwise."""

    def handle_no_permission(  # type: ignore[override]  # not only redirects: programs and htmx get an answer too
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        if request.path.startswith("/api/"):
            return HttpResponse("sign in first\n", status=401, content_type="text/plain; charset=utf-8")
        if getattr(request, "htmx", False):
            return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
        return super().handle_no_permission(request, view_func)
