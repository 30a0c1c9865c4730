"""Settings of the web process that the browser tests start: the real ones, static files collected beside its state."""

from __future__ import annotations

from hiveproject.settings import *  # noqa: F403
from hiveproject.settings import HIVE_PATHS

STATIC_ROOT = HIVE_PATHS.state.parent / "static"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
