"""An agent's folders: who owns them, who else may enter, and nothing made through a link.

As root every agent has a user id of its own and the manager is let into its children's notes by an access control
list; as an ordinary user everything belongs to that user and the sandbox alone keeps agents apart.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from agents import acl
from agents.naming import MANAGER, agent_name, host_uid, is_manager
from agents.paths import Paths

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderRefused(Exception):
    """A folder is not what it should be: a link, a file, or somebody else's."""


@dataclass(frozen=True)
class Owners:
    """Who things belong to. `hive` is the user and group of web and worker."""

    hive: tuple[int, int]

    @classmethod
    def this_process(cls) -> Owners:
        return cls((os.geteuid(), os.getegid()))

    def agent(self, name: str) -> tuple[int, int]:
        return (host_uid(name), host_uid(name)) if os.geteuid() == 0 else self.hive

    @property
    def own(self) -> tuple[int, int]:
        """What no agent and no web process may change."""
        return os.geteuid(), os.getegid()


def make(paths: Paths, owners: Owners, name: str) -> None:
    """Make everything a container of `name` needs. Raises `FolderRefused`, `AclUnsupported`, `OSError`."""
    agent_name(name)
    agent, manager, own = owners.agent(name), owners.agent(MANAGER), owners.own
    _roots(paths, owners)
    _folder(paths.agent(name), 0o755, own)
    _folder(paths.proposed(name), 0o755, manager)
    _folder(paths.credentials(name), 0o700, agent)
    _notes(paths.notes(name), name, agent[0], manager[0])
    _folder(paths.shared / name, 0o755, agent)
    secrets = paths.secrets(name)
    for readable in (paths.agent_runtime(name), secrets, secrets / "env"):
        _readable(_folder(readable, 0o750, owners.hive), agent[0], owners)
    _folder(paths.shim(name), 0o755, own)


def _readable(folder: Path, agent: int, owners: Owners) -> None:
    """The hive writes there, the agent reads, nobody else enters."""
    if agent != owners.hive[0] and acl.permissions(folder, agent) != "rx":
        acl.grant(folder, agent, "rx")


def checked(folder: Path, owner: int) -> os.stat_result:
    """The identity of a folder that lies where a less privileged user could put something else instead."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise FolderRefused(f"{folder} must be a folder of user {owner}: refused")
    return found


def _roots(paths: Paths, owners: Owners) -> None:
    top = 0o1775 if owners.hive != owners.own else 0o755
    for root in (paths.state, paths.runtime):
        root.parent.mkdir(parents=True, exist_ok=True)
        _folder(root, top, (owners.own[0], owners.hive[1]))
    _folder(paths.state / "agents", 0o755, owners.own)
    _folder(paths.shared, 0o755, owners.own)
    _folder(paths.container_log(MANAGER).parent, 0o750, owners.hive)
    _folder(paths.shim(MANAGER).parent, 0o755, owners.own)


def _notes(folder: Path, name: str, agent: int, manager: int) -> None:
    _folder(folder, 0o700, (agent, agent), keep_mode=True)
    if agent != manager and not is_manager(name) and acl.permissions(folder, manager) is None:
        acl.pass_on(folder, {agent: "rwx", manager: "rwx"})


def _folder(path: Path, mode: int, owner: tuple[int, int], *, keep_mode: bool = False) -> Path:
    """Make a folder or take the one that is there; never through a link, never somebody else's."""
    made = True
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        made = False
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        raise FolderRefused(f"{path} must be a folder, not a link or a file: {error.strerror}") from error
    try:
        _settle(fd, path, mode, owner, change_mode=made or not keep_mode)
    finally:
        os.close(fd)
    return path


def _settle(fd: int, path: Path, mode: int, owner: tuple[int, int], *, change_mode: bool) -> None:
    found = os.fstat(fd)
    if found.st_uid not in (owner[0], os.geteuid()):
        raise FolderRefused(
            f"{path} belongs to user {found.st_uid}, it should be {owner[0]}'s: give it back or move it away"
        )
    if (found.st_uid, found.st_gid) != owner and os.geteuid() == 0:
        os.fchown(fd, *owner)
    # With an access list the group bits are its mask: a chmod would take away what was granted.
    listed = any(key.startswith("system.posix_acl_access") for key in os.listxattr(fd))
    if change_mode and not listed and stat.S_IMODE(found.st_mode) != mode:
        os.fchmod(fd, mode)
