"""`.venv` with the pinned packages and the hive itself."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

from hiveproject.bootstrap.ground import CLONE, PYTHON, VENV, CannotSetUp, Stamp, run, say

_RUNTIME, _TESTS = CLONE / "requirements.txt", CLONE / "requirements-dev.txt"
_PIP = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


def ensure(*, tests: bool) -> None:
    """Make the environment and fill it. Raises `CannotSetUp`."""
    _make()
    _fill(tests=tests)
    _install_hive()
    _compile()


def install(requirements: str) -> None:
    """Install one more file of pinned packages."""
    _pip("install", "--require-hashes", "-r", str(CLONE / requirements))


def lock() -> None:
    """Write the pinned requirements anew, with hashes and without addresses."""
    uv = shutil.which("uv", path=f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}")
    if uv is None:
        raise CannotSetUp("uv is missing: '.venv/bin/pip install uv', then 'make lock' again")
    for name, words in (
        ("requirements.txt", ["--extra", "install", "--extra", "host", "pyproject.toml"]),
        ("requirements-dev.txt", ["--extra", "install", "--extra", "host", "--extra", "dev", "pyproject.toml"]),
        ("requirements-node.txt", ["requirements-node.in"]),
    ):
        say(f"Locking {name}.")
        options = ["--universal", "--generate-hashes", "--no-header", "--quiet"]
        run([uv, "pip", "compile", *options, "--output-file", name, *words], f"{name} could not be written")


def _make() -> None:
    stamp = Stamp(VENV / ".hive-venv", [sys.version, sys.base_prefix, str(CLONE)])
    if PYTHON.exists() and stamp.holds():
        return
    say("Making .venv.")
    _refuse_unwritable()
    run([sys.executable, "-m", "venv", "--clear", VENV], f"{VENV} could not be made")
    stamp.set()


def _fill(*, tests: bool) -> None:
    runtime = Stamp(VENV / ".hive-runtime", [_RUNTIME])
    everything = Stamp(VENV / ".hive-tests", [_TESTS])
    if everything.holds() if tests else runtime.holds():
        return
    wanted = _TESTS if tests else _RUNTIME
    say(f"Installing the Python packages of {wanted.name}; the first time this takes a minute.")
    install(wanted.name)
    runtime.set()
    if tests:
        everything.set()


def _install_hive() -> None:
    stamp = Stamp(VENV / ".hive-package", [CLONE / "pyproject.toml", str(CLONE)])
    if stamp.holds():
        return
    say("Installing hivectl into .venv/bin.")
    _pip("install", "--no-deps", "--no-build-isolation", "--editable", str(CLONE))
    stamp.set()


def _compile() -> None:
    """Byte code beside the sources: neither the hive's user nor an agent may write it there, and both start faster."""
    words = ["-m", "compileall", "-q", "agents", "approvals", "broker", "hiveproject"]
    run([PYTHON, *words], "the hive's own code could not be compiled")


def _pip(*words: str) -> None:
    run([*_PIP, *words], "the Python packages could not be installed (is there a network?)")


def _refuse_unwritable() -> None:
    if not os.access(CLONE, os.W_OK):
        raise CannotSetUp(f"{CLONE} cannot be written by this user: clone into a folder of your own")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CannotSetUp(f"{sys.executable} is a free-threaded Python: use an ordinary one ('make run PYTHON=…')")
