"""bubblewrap argument lists: everything unshared, a read-only system, and only the folders that are named.

Started as root the program runs under a user id of its own on the host, without capabilities; started as an
ordinary user it runs in a user namespace. Nothing here starts anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

SYSTEM_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/nix/store",
)


@dataclass(frozen=True)
class Bind:
    """A folder or file of the host at `target` inside."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Sandbox:
    """What a sandboxed program may see.

    `uid` is its user inside and, when the hive runs as root, on the host. `network` is one of `none`, `host`.
    `options` are further bwrap words (descriptors, hostname); `files` are texts at paths inside.
    """

    uid: int
    binds: tuple[Bind, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    network: str = "none"
    options: tuple[str, ...] = ()

    def argv(self, command: Sequence[str]) -> list[str]:
        """The whole command line that runs `command` inside, for this process's own user id."""
        words = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--new-session"]
        words += ["--die-with-parent", "--clearenv"]
        if self.network == "none":
            words.append("--unshare-net")
        words += self._identity()
        words += _system()
        words += ["--proc", "/proc", "--dev", "/dev"]
        words += ["--perms", "1777", "--tmpfs", "/tmp", "--perms", "0755", "--tmpfs", "/run"]
        made: set[str] = {"/", "/tmp", "/run", "/proc", "/dev"}
        for bind in self.binds:
            words += _parents(bind.target, made)
            words += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        for name, value in self.env.items():
            words += ["--setenv", name, value]
        words += [*self.options, "--chdir", self.cwd, "--"]
        return [*words, *self._privileges_dropped(), *command]

    def _identity(self) -> list[str]:
        if os.geteuid() == 0:
            words = ["--cap-drop", "ALL"]
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                words += ["--cap-add", capability]
            return words
        return ["--unshare-user", "--uid", str(self.uid), "--gid", str(self.uid), "--cap-drop", "ALL"]

    def _privileges_dropped(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        ids = ["--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        return ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


def _system() -> list[str]:
    words: list[str] = []
    for name in SYSTEM_FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--perms", "0755", "--dir", "/etc"]
    for file in SYSTEM_FILES:
        if Path(file).exists():
            words += _parents(file, {"/", "/etc"})
            words += ["--ro-bind", file, file]
    return words


def _parents(target: str, made: set[str]) -> list[str]:
    """bwrap makes missing parent folders 0700: make each one readable first."""
    words: list[str] = []
    for parent in reversed(PurePosixPath(target).parents):
        if str(parent) not in made:
            made.add(str(parent))
            words += ["--perms", "0755", "--dir", str(parent)]
    return words
