"""The hive's own user and folders, made by whoever starts the hive.

As root: the state and runtime roots belong to root and are open to the hive's group, sticky, so that web and worker
make files of their own there and cannot touch root's (docs/architecture.md).
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from agents import command
from agents.paths import Paths
from hiveproject import environment
from hiveproject.barriers import User

USER = "hyperhive"
_OWN_FILES = ("secret-key", "hive.sqlite", "hive.sqlite-wal", "hive.sqlite-shm", "queue.sqlite")


class SetupFailed(Exception):
    """The hive cannot be started here; the text says what to do."""


def hive_user() -> User:
    """The user that web and worker run as when root starts them. Raises `KeyError` when there is none yet."""
    entry = pwd.getpwnam(USER)
    return User(entry.pw_uid, entry.pw_gid)


def ensure_user() -> User:
    """The hive's user, made if it is missing: no password, no login, no home of its own."""
    found = _found()
    if found is not None:
        return found
    useradd = shutil.which("useradd", path=command.clean_environment()["PATH"])
    if useradd is None:
        raise SetupFailed(f"no useradd here: make a system user '{USER}' with a group of that name, then start again")
    shell = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin") or "/bin/false"
    words = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", shell]
    try:
        command.run([*words, USER], timeout=30)
    except command.CommandFailed as failure:
        if _found() is None:  # else another start has just made it
            raise SetupFailed(f"cannot make the system user '{USER}': {failure.stderr}") from failure
    return hive_user()


def _found() -> User | None:
    try:
        return hive_user()
    except KeyError:
        return None


def prepare(paths: Paths) -> None:
    """Make both roots and what lies directly below them. Raises `SetupFailed`."""
    root = os.geteuid() == 0
    hive = ensure_user() if root else User(os.geteuid(), os.getegid())
    own = (0, 0) if root else (hive.uid, hive.gid)
    try:
        for top in (paths.state, paths.runtime):
            top.mkdir(mode=0o755, parents=True, exist_ok=True)
            _settle(top, (own[0], hive.gid), 0o1775 if root else 0o755)
        for name in ("agents", "shared"):
            _folder(paths.state / name, own, 0o755)
        _folder(paths.shim("x").parent, own, 0o755)
        for folder in (paths.meta.parent / "applied", paths.meta, paths.job(0).parent, paths.container_log("x").parent):
            _folder(folder, (hive.uid, hive.gid), 0o750)
        _folder(paths.worker_lock.parent, (hive.uid, hive.gid), 0o750)
        _make_private(paths, hive)
    except OSError as error:
        where = error.filename or paths.state
        raise SetupFailed(f"cannot write {where}: {error.strerror}. {_advice(root)}") from error


def _advice(root: bool) -> str:
    if root:
        return "Set HYPERHIVE_STATE_ROOT and HYPERHIVE_RUNTIME_ROOT to folders that can be written"
    return "Give the folder to this user, or set HYPERHIVE_STATE_ROOT and HYPERHIVE_RUNTIME_ROOT to others"


def _folder(path: Path, owner: tuple[int, int], mode: int) -> None:
    path.mkdir(mode=mode, exist_ok=True)
    _settle(path, owner, mode)


def _settle(path: Path, owner: tuple[int, int], mode: int) -> None:
    """Owner and mode of a folder, never through a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if os.geteuid() == 0 and (found.st_uid, found.st_gid) != owner:
            os.fchown(descriptor, *owner)
        if found.st_uid in (os.geteuid(), owner[0]) and stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(descriptor, mode)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, os.strerror(13), str(path))
    finally:
        os.close(descriptor)


def _make_private(paths: Paths, hive: User) -> None:
    """The databases are the hive's alone from the first byte; what root put there (a backup) becomes the hive's."""
    absent = "hive.sqlite" if environment.text("DATABASE_URL") else ""  # the data is elsewhere
    for name in _OWN_FILES:
        flags = (
            os.O_RDWR
            | os.O_NOFOLLOW
            | os.O_NONBLOCK
            | (os.O_CREAT if name.endswith(".sqlite") and name != absent else 0)
        )
        try:
            descriptor = os.open(paths.state / name, flags, 0o600)
        except FileNotFoundError:
            continue
        try:
            found = os.fstat(descriptor)
            if found.st_uid == 0 != hive.uid and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                os.fchown(descriptor, hive.uid, hive.gid)
        finally:
            os.close(descriptor)
