"""Addresses of the hive."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from hiveproject import wake
from hiveproject.dashboard import sessions

urlpatterns = [
    path("healthz", sessions.healthz, name="healthz"),
    path("sign-in/", sessions.SignIn.as_view(), name="sign-in"),
    path("sign-in/link/<str:token>/", sessions.sign_in_link, name="sign-in-link"),
    path("sign-out/", sessions.SignOut.as_view(), name="sign-out"),
    path("admin/login/", sessions.admin_login, name="admin-sign-in"),
    path("admin/", admin.site.urls),
    path("api/v1/wake/<str:name>", wake.wake, name="wake"),
    path("", include("hiveproject.dashboard.urls")),
]
handler400 = "hiveproject.dashboard.errors.bad_request"
handler403 = "hiveproject.dashboard.errors.forbidden"
handler404 = "hiveproject.dashboard.errors.not_found"
handler500 = "hiveproject.dashboard.errors.server_error"
