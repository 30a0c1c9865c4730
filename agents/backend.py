"""The container backend that the settings chose."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from agents.containers import local
from agents.containers.protocol import Containers


@cache
def containers() -> Containers:
    return local(settings.HIVE_PATHS)
