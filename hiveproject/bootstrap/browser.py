"""The pinned browser assets, and the static files made of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hiveproject.bootstrap import python
from hiveproject.bootstrap.ground import CLONE, PYTHON, VENV, Stamp, run, say

_NODE_MODULES = CLONE / "node_modules"
_PINNED = (CLONE / "package.json", CLONE / "package-lock.json")
_COLLECTED = CLONE / "staticfiles"


def ensure(*, tests: bool) -> None:
    """Fetch what is pinned, collect what is served. Raises `CannotSetUp`."""
    _fetch(tests=tests)
    _collect()


def _fetch(*, tests: bool) -> None:
    runtime = Stamp(_NODE_MODULES / ".hive-runtime", _PINNED)
    everything = Stamp(_NODE_MODULES / ".hive-tests", _PINNED)
    if everything.holds() if tests else runtime.holds():
        return
    npm = _npm()
    say("Fetching the browser assets.")
    # Optional ones are programs of hundreds of MB for one platform each; nothing here needs them.
    omitted = ["--omit=optional"] if tests else ["--omit=optional", "--omit=dev"]
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *omitted]
    run(words, "the browser assets could not be fetched (is there a network?)", env={"PATH": _path()})
    runtime.set()
    if tests:
        everything.set()


def _npm() -> str:
    """npm of the system, else the one that a Python package brings."""
    found = shutil.which("npm", path=_path())
    if found is None:
        say("No npm here: installing one into .venv.")
        python.install("requirements-node.txt")
    return found or str(VENV / "bin" / "npm")


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{VENV / 'bin'}"


def _collect() -> None:
    parts: list[str | Path] = [CLONE / "hiveproject" / "static", CLONE / "hiveproject" / "settings.py"]
    stamp = Stamp(_COLLECTED / ".hive", [*parts, *_PINNED, CLONE / "requirements.txt"])
    if stamp.holds():
        return
    say("Collecting the static files.")
    with tempfile.TemporaryDirectory() as scratch:  # settings want a hive; this needs none
        env = {"HYPERHIVE_STATE_ROOT": scratch, "HYPERHIVE_RUNTIME_ROOT": scratch}
        words: list[str | Path] = [
            PYTHON,
            CLONE / "manage.py",
            "collectstatic",
            "--noinput",
            "--clear",
            "--verbosity=0",
        ]
        run(words, "the static files could not be collected", env=env)
    stamp.set()
