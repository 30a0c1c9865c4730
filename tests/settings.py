"""The hive's settings with roots of the test run's own. Each xdist worker and each run has its own folder."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Short: Unix socket paths end at 107 bytes. Readable for every user: agents have their own.
_root = tempfile.mkdtemp(prefix="hh", dir="/tmp")
os.chmod(_root, 0o755)
atexit.register(shutil.rmtree, _root, ignore_errors=True)
os.environ["HYPERHIVE_STATE_ROOT"] = f"{_root}/s"
os.environ["HYPERHIVE_RUNTIME_ROOT"] = f"{_root}/r"
for _name in ("HYPERHIVE_HELPER_FD", "DATABASE_URL", "REDIS_URL", "HYPERHIVE_BACKEND", "HYPERHIVE_PORT"):
    os.environ.pop(_name, None)
os.makedirs(f"{_root}/s")
os.makedirs(f"{_root}/r")

from hiveproject.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT = Path(_root, "static")
STATIC_ROOT.mkdir()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A file, as in a running hive: threads of a test wait for each other as processes do.
DATABASES["default"]["TEST"] = {"NAME": f"{_root}/s/hive.sqlite"}  # noqa: F405
