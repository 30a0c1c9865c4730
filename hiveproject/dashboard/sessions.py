"""Signing in by password or one-time link, and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from agents import actors
from approvals import audit
from hiveproject import health, signin

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    """The password form; ten failures a minute of one name or one address, then it waits."""

    template_name = "sign_in/sign_in.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if signin.is_braked(*self._marks()):
            context = self.get_context_data(form=AuthenticationForm(request), braked=True)
            return render(request, self.template_name, context, status=429)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        signin.succeeded(form.get_user(), "by password", _address(self.request))
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        signin.failed(self.request.POST.get("username", ""), "by password", _address(self.request))
        return super().form_invalid(form)

    def _marks(self) -> tuple[str, str]:
        name = self.request.POST.get("username", "")
        return f"name:{name.lower()}", f"address:{_address(self.request)}"


class SignOut(LogoutView):
    """Ends the session; the audit log keeps when."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            audit.record("signed out", actor=actors.operator(request.user.get_username()))
        return super().post(request, *args, **kwargs)


@never_cache
@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin has no form of its own: that one has no brake."""
    if request.user.is_authenticated:
        raise PermissionDenied(f"{request.user.get_username()} may not enter the admin: ask an operator")
    return redirect_to_login(request.GET.get("next", ""))


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """A page with one button; only pressing it spends the link, so that a preview of it does no harm."""
    if request.method == "POST" and signin.is_braked(f"address:{_address(request)}"):
        return render(request, "sign_in/link.html", {"good": False, "token": token}, status=429)
    user = signin.spend(token) if request.method == "POST" else None
    if user is not None:
        login(request, user, backend=_BACKEND)
        signin.succeeded(user, "by a one-time link", _address(request))
        return redirect("dashboard")
    if request.method == "POST":
        signin.failed("", "by a link that is used up or never was", _address(request))
    good = request.method != "POST" and signin.is_good(token)
    return render(request, "sign_in/link.html", {"good": good, "token": token}, status=200 if good else 410)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


@login_not_required
@require_http_methods(["GET", "HEAD"])
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 when every part is there, else 503 with the failing part named."""
    parts = health.parts()
    good = all(state == "ok" for state in parts.values())
    response = JsonResponse(
        {"status": "ok" if good else "failing", **parts},
        status=200 if good else 503,
        json_dumps_params={"separators": (",", ":")},
        headers={"Cache-Control": "no-store"},
    )
    # Whoever asks while the hive starts would fill its log with errors.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
