"""What every page knows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import queue
from hiveproject.dashboard.requests import may_decide


def hive(request: HttpRequest) -> dict[str, object]:
    """Context processor; asks the database only where a template does."""
    user = getattr(request, "user", None)
    return {
        "hive_version": settings.HIVE_VERSION,
        "may_decide": SimpleLazyObject(lambda: user is not None and user.is_authenticated and may_decide(user)),
        "pending_count": SimpleLazyObject(lambda: len(queue.pending())),
    }
