"""bubblewrap argument lists: everything unshared, a read-only system, and only the folders that are named.

Started as root the program runs under a user id of its own on the host, without capabilities; started as an
ordinary user it runs in a user namespace. Nothing here starts anything.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
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
    `scratch` are empty folders in memory that belong to it, at most `scratch_size` bytes each; `links` are symbolic
    links, path inside → target. `options` are further bwrap words (descriptors, hostname).
    """

    uid: int
    binds: tuple[Bind, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    network: str = "none"
    scratch: tuple[str, ...] = ()
    scratch_size: int | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def argv(self, command: Sequence[str]) -> list[str]:
        """The whole command line that runs `command` inside, for this process's own user id."""
        words = [
            *launcher(),
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--new-session",
        ]
        words += ["--die-with-parent", "--clearenv"]
        if self.network == "none":
            words.append("--unshare-net")
        words += self._identity()
        words += _system()
        words += [
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--perms",
            "0755",
            "--dir",
            "/var",
            "--symlink",
            "/tmp",
            "/var/tmp",
        ]
        words += ["--perms", "0755", "--tmpfs", "/run"]
        made: set[str] = {"/", "/tmp", "/run", "/proc", "/dev", "/var"}
        for folder in ("/tmp", "/dev/shm"):
            words += self._in_memory("1777", folder)
        for folder in self.scratch:
            words += [*_parents(folder, made), *self._in_memory("0700", folder)]
            made.add(folder)
        for bind in self.binds:
            words += _parents(bind.target, made)
            words += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        for link, target in self.links.items():
            words += [*_parents(link, made), "--symlink", target, link]
        for name, value in self.env.items():
            words += ["--setenv", name, value]
        words += [*self.options, "--chdir", self.cwd, "--"]
        return [*words, *self._privileges_dropped(), *command]

    def _identity(self) -> list[str]:
        if os.geteuid() == 0:
            words = ["--cap-drop", "ALL"]
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", *(["CAP_CHOWN"] if self.scratch else [])):
                words += ["--cap-add", capability]
            return words
        return ["--unshare-user", "--uid", str(self.uid), "--gid", str(self.uid), "--cap-drop", "ALL"]

    def _privileges_dropped(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        ids = ["--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        words = ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]
        if not self.scratch:
            return words
        own = shlex.join(["chown", f"{self.uid}:{self.uid}", *self.scratch])
        return ["sh", "-c", f'{own} && exec "$@"', "sh", *words]

    def _in_memory(self, perms: str, folder: str) -> list[str]:
        size = [] if self.scratch_size is None else ["--size", str(self.scratch_size)]
        return ["--perms", perms, *size, "--tmpfs", folder]


def launcher() -> list[str]:
    """bubblewrap, or where it is missing the program that understands the same words."""
    if shutil.which("bwrap"):
        return ["bwrap"]
    return [sys.executable, "-I", "-S", str(Path(__file__).parent / "containers" / "unshared.py")]


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
