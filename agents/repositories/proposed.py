"""The repository that the manager edits: written once by the host, then only read, and never by git as the host.

Git runs as the owner's user in a sandbox that binds this one repository: its hooks, configuration, alternates and
`.git` links reach nothing that its owner could not read anyway. What comes out is a pack and is not believed: the
receiving side (`receiving`) finds out by itself what a commit id means.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import ClassVar

from agents import command, naming
from agents.paths import Paths
from agents.repositories import git
from agents.repositories.limits import MEBIBYTE, limited
from agents.sandbox import Bind, Sandbox

MAX_PACK = 32 * MEBIBYTE
TIMEOUT = 20.0
_INSIDE = "/proposed"
_ATTEMPTS = 3
_FILE_TOO_BIG = 128 + signal.SIGXFSZ

_SEED = """
umask 022
"$GIT" init --quiet --initial-branch=main --template= .
cat > agent.nix
"$GIT" add agent.nix
"$GIT" commit --quiet --message "$MESSAGE"
"$GIT" rev-parse HEAD
"""


class RepositoryUnreadable(Exception):
    """The proposed repository did not give what was asked; the text says why and what to do."""

    retryable: ClassVar[bool] = False


class CommitMissing(RepositoryUnreadable):
    """No commit has this id."""


class CommitAmbiguous(RepositoryUnreadable):
    """Several commits begin with this id."""


class RepositoryBusy(RepositoryUnreadable):
    """The repository changed while it was read, or reading took too long: try again."""

    retryable: ClassVar[bool] = True


class RepositoryBroken(RepositoryUnreadable):
    """Git cannot read the repository."""


class RepositoryTooBig(RepositoryUnreadable):
    """The commit and its history are more than the hive takes over."""


def seed_proposed(paths: Paths, name: str, text: str) -> str:
    """Make the repository with `agent.nix` = `text` and one commit; return the commit.

    Where there is one already nothing is touched and its HEAD is returned. The caller holds the agent's lock.
    Raises `RepositoryUnreadable`.
    """
    folder = paths.proposed(name)
    if folder.is_symlink() or (folder.is_dir() and any(folder.iterdir())):
        return head_commit(paths, name)
    _own_folder(folder.parent.parent)
    _own_folder(folder.parent)
    fresh = folder.with_name(".proposed")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(fresh, _owner(), _owner(), follow_symlinks=False)
    commit = _seeded(fresh, name, text)
    fresh.rename(folder)
    return commit


def head_commit(paths: Paths, name: str) -> str:
    """The commit that HEAD names, according to the repository itself. Raises `RepositoryUnreadable`."""
    answer = _attempted(paths, name, ["rev-parse", "--verify", "HEAD^{commit}"], b"", "HEAD", 4096)
    commit = answer.decode(errors="replace").strip()
    if not git.COMMIT.match(commit):
        raise RepositoryBroken(f"the proposed repository of {name} does not say which commit is its HEAD")
    return commit


def emit_objects(paths: Paths, name: str, commit_ref: str, out_fd: int) -> None:
    """Write a pack with the commit `commit_ref` and all that it needs to `out_fd`; all of it or nothing.

    `commit_ref` is 7 to 40 hex digits. Raises `ValueError` for anything else, and `RepositoryUnreadable`.
    """
    if not git.COMMIT_REF.match(commit_ref):
        raise ValueError(f"{commit_ref[:60]!r} is not a commit id: 7 to 40 digits of 0-9 and a-f")
    arguments = ["pack-objects", "--revs", "--stdout", "--quiet"]
    pack = _attempted(paths, name, arguments, f"{commit_ref}^{{commit}}\n".encode(), commit_ref, MAX_PACK)
    with os.fdopen(os.dup(out_fd), "wb") as out:
        out.write(pack)


def _owner() -> int:
    return naming.host_uid(naming.MANAGER)


def _own_folder(folder: Path) -> None:
    """Make a folder of the host's, and refuse one that somebody else could have exchanged."""
    try:
        folder.mkdir(mode=0o755, parents=True)
        folder.chmod(0o755)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RepositoryBroken(f"{folder} is not a folder of the hive's own: move it away and try again")


def _seeded(folder: Path, name: str, text: str) -> str:
    env = {"GIT": _git(), "MESSAGE": f"First configuration of {name}"}
    argv = _sandbox(folder, writable=True, env=env).argv(["sh", "-ec", _SEED])
    try:
        done = command.run(argv, timeout=TIMEOUT, input=text.encode())
    except command.CommandFailed as error:
        raise RepositoryBroken(f"the proposed repository of {name} could not be made: {error.stderr}") from error
    return done.text


def _git() -> str:
    """Git's real path: links such as `/run/current-system/sw` do not exist inside."""
    return os.path.realpath(shutil.which(git.executable()) or "/usr/bin/git")


def _sandbox(folder: Path, *, writable: bool = False, env: dict[str, str] | None = None) -> Sandbox:
    variables = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **git.isolation(), **(env or {})}
    return Sandbox(uid=_owner(), binds=(Bind(folder, _INSIDE, writable),), env=variables, cwd=_INSIDE)


def _attempted(paths: Paths, name: str, arguments: list[str], data: bytes, ref: str, limit: int) -> bytes:
    """Run git in the sandbox; while the repository is being written reading fails, and differently each time."""
    failures: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            return _inside(paths.proposed(name), arguments, data, limit)
        except command.CommandTimedOut as error:
            raise RepositoryBusy(f"reading the proposed repository of {name} took too long: try again") from error
        except command.CommandFailed as error:
            _refuse_for_good(name, ref, error)
            failures.append(error.stderr)
    why = re.sub(r"[^ -~]+", " ", failures[-1])[-300:]
    if len(set(failures)) > 1:
        raise RepositoryBusy(f"the proposed repository of {name} changed while it was read: try again ({why})")
    raise RepositoryBroken(f"the proposed repository of {name} cannot be read: {why}")


def _refuse_for_good(name: str, ref: str, error: command.CommandFailed) -> None:
    if "is ambiguous" in error.stderr:
        raise CommitAmbiguous(f"several commits of {name} begin with {ref}: give more digits")
    if "bad revision" in error.stderr and "alternate" not in error.stderr:
        raise CommitMissing(f"the proposed repository of {name} has no commit {ref}: commit first, then ask again")
    if error.code == _FILE_TOO_BIG or "File too large" in error.stderr:
        size = MAX_PACK // MEBIBYTE
        raise RepositoryTooBig(f"{ref} of {name} and its history are larger than {size} MiB: propose without big files")


def _inside(folder: Path, arguments: list[str], data: bytes, limit: int) -> bytes:
    if folder.is_symlink() or not folder.is_dir():
        raise RepositoryBroken(f"there is no proposed repository at {folder}")
    limits = limited(memory=2048 * MEBIBYTE, seconds=TIMEOUT, file_size=limit)
    argv = _sandbox(folder).argv([*limits, _git(), f"--git-dir={_INSIDE}/.git", *arguments])
    with tempfile.TemporaryFile() as pack:
        command.run(argv, timeout=TIMEOUT, input=data, stdout=pack.fileno(), max_output=MEBIBYTE)
        pack.seek(0)
        return pack.read()
