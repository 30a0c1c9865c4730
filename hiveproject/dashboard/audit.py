"""The audit log: what was decided and done, by whom, page by page."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse

from approvals.models import AuditEvent
from hiveproject.dashboard.forms import AuditFilterForm
from hiveproject.dashboard.requests import HiveRequest, show

PANELS = {"audit": "audit/_events.html"}
_PAGE = 50


def audit_page(request: HiveRequest) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    found = form.found() if form.is_valid() else AuditEvent.objects.none()
    asked = [(name, request.GET[name]) for name in form.fields if request.GET.get(name)]
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    query = f"{urlencode(asked)}&" if asked else ""
    context = {"page": page, "form": form, "asked": dict(asked), "query": query, "complaint": form.complaint()}
    return show(request, "audit/audit.html", PANELS, context)
