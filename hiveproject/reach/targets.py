"""Who is told: what the settings name, and what operators keep in the admin."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from hiveproject.models import Notice, ReachTarget
from hiveproject.reach import sealing


@dataclass(frozen=True)
class Receiver:
    """Where to tell it and how; the secret is opened only to be used."""

    kind: str
    url: str
    secret: str


def ids() -> list[int | None]:
    """Every target that is switched on; None stands for the one of the settings."""
    kept: list[int | None] = list(ReachTarget.objects.filter(enabled=True).order_by("pk").values_list("pk", flat=True))
    return [None, *kept] if settings.HIVE_NOTIFY_URL else kept


def of(notice: Notice) -> Receiver | None:
    """Where a notice goes; None when nobody is told any more. Raises `sealing.CannotOpen`."""
    target = notice.target
    if target is None:
        secret = settings.HIVE_NOTIFY_SECRET
        return (
            Receiver(settings.HIVE_NOTIFY_KIND, settings.HIVE_NOTIFY_URL, secret) if settings.HIVE_NOTIFY_URL else None
        )
    if not target.enabled:
        return None
    return Receiver(target.kind, target.url, sealing.opened(target.sealed) if target.sealed else "")
