"""Leaving root behind: whatever touches the hive's data runs as the hive's own user, also when root starts it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.paths import Paths
from hiveproject import barriers, kernel, roots
from hiveproject.barriers import Need, User

PARENT = "HYPERHIVE_SUPERVISOR_PID"
# These work on the code, not on the hive, or see to privileges themselves.
_AS_THEY_ARE = frozenset({"up", "collectstatic", "makemigrations", "check", "help", "version", "--help", "--version"})
_FILES = ("HYPERHIVE_GIT", "HYPERHIVE_SECRET_KEY_FILE", "DATABASE_URL_FILE")


class CannotDrop(Exception):
    """Root could not become the hive's user; the text says what to do."""


def settle(command: str) -> None:
    """Called first by every command line: drop root where `command` touches the hive; end with a supervisor."""
    if os.geteuid() == 0 and command not in _AS_THEY_ARE:
        from hiveproject import environment

        become_hive_user(Paths(*environment.roots()))
    if parent := os.environ.pop(PARENT, ""):
        kernel.end_with_parent(int(parent))


def become_hive_user(paths: Paths) -> None:
    """Turn this process from root into the hive's user, able to reach the code and the hive and to write the latter.

    Raises `CannotDrop`.
    """
    try:
        user = roots.hive_user()
    except KeyError:
        raise CannotDrop("this hive has never been started: run 'make run' first") from None
    if not paths.state.is_dir():
        raise CannotDrop(f"this hive has never been started: there is no {paths.state}; run 'make run' first")
    try:
        view = barriers.plan(needs(paths), user)
        if not view.is_plain:
            barriers.enter(view)
        os.chdir("/")
        os.umask(0o022)
        kernel.drop_root(user.uid, user.gid)
    except OSError as error:
        raise CannotDrop(f"cannot run as the user '{roots.USER}': {error}") from error
    _check_readable(user)
    _tidy_environment(paths)


def needs(paths: Paths) -> list[Need]:
    """The hive's folders, the code, and the interpreter that runs it."""
    code = [Path(__file__).resolve().parent.parent, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable)]
    programs = [found for name in ("git", "claude") if (found := shutil.which(name))]
    named = [value for name in _FILES if (value := os.environ.get(name))]
    readable = [*code, *map(Path, programs), *map(Path, named)]
    return [*(Need(path) for path in readable), Need(paths.state, writable=True), Need(paths.runtime, writable=True)]


def management(argv: Sequence[str]) -> list[str]:
    """The words that run a management command; started as root it becomes the hive's user by itself."""
    return [sys.executable, str(Path(__file__).resolve().parent.parent / "manage.py"), *argv]


def _check_readable(user: User) -> None:
    for path in (Path(__file__), Path(os.__file__)):
        if not os.access(path, os.R_OK):
            raise CannotDrop(f"the user '{roots.USER}' ({user.uid}) cannot read {path}: chmod -R go+rX its folder")


def _tidy_environment(paths: Paths) -> None:
    for name in ("SUDO_USER", "SUDO_UID", "SUDO_GID", "SUDO_COMMAND", "MAIL", "XDG_RUNTIME_DIR", "TMPDIR"):
        os.environ.pop(name, None)
    os.environ |= {"HOME": str(paths.state), "USER": roots.USER, "LOGNAME": roots.USER}
    # The defaults differ between root and other users: stay with the hive that root meant.
    os.environ |= {"HYPERHIVE_STATE_ROOT": str(paths.state), "HYPERHIVE_RUNTIME_ROOT": str(paths.runtime)}
