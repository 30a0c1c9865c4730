"""A real Weston 14 with its VNC backend, in a Debian 13 made for it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents import command
from agents.containers import etc
from agents.naming import host_uid, vnc_port
from tests.broker.hive import until

SIZE = (640, 400)
_MAKING_SECONDS = 1200
_PERMIT = "".join(f"{what} required pam_permit.so\n" for what in ("auth", "account", "session"))
_CONFIG = """
[core]
idle-time=0
[shell]
startup-animation=none
[autolaunch]
path=/mnt/window
"""
_WINDOW = """#!/bin/sh
exec weston-terminal --fullscreen --shell=/mnt/listen
"""
_LISTEN = """#!/bin/sh
echo "This is Weston."
while read -r line; do echo "$line" >> /mnt/heard; done
"""
_START = """mkdir -m 700 /tmp/wayland && exec weston --backend=vnc --renderer=pixman --config=/mnt/weston.ini \
--disable-transport-layer-security --address=127.0.0.1 "$@" """


def mirror() -> str:
    """Where this machine has Debian from: the source that brings a release as well as its updates."""
    found = re.search(
        r"'(\S+?)/dists/[a-z]+-updates/", command.run(["apt-get", "--print-uris", "update"], timeout=60).text
    )
    assert found, "no source of apt brings the updates of a release of Debian"
    return found[1]


@contextmanager
def debian() -> Iterator[Path]:
    """The root of a Debian 13 with Weston, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="hw", dir="/tmp") as folder:
        root = Path(folder) / "root"
        argv = ["debootstrap", "--variant=minbase", "--include=weston", "trixie", root, mirror()]
        # Its own pid namespace: what the packages' scripts start ends with it; its own mounts: so do those.
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        command.run([*own, *map(str, argv)], timeout=_MAKING_SECONDS)
        yield root


class Weston:
    """Listens at the port of `name`'s screen, as root or as the agent's own user, and shows a terminal."""

    def __init__(self, root: Path, name: str, uid: int, folder: Path) -> None:
        self._root, self._name, self._uid, self._folder = root, name, uid, folder

    @property
    def heard(self) -> str:
        """The lines that were typed into the terminal."""
        path = self._folder / "heard"
        return path.read_text() if path.exists() else ""

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def prepare(self) -> None:
        self._folder.chmod(0o777)
        files = {"weston.ini": _CONFIG, "window": _WINDOW, "listen": _LISTEN, "permit": _PERMIT}
        for name, text in {**files, "passwd": etc.files(self._name, [])["/etc/passwd"]}.items():
            (self._folder / name).write_text(text)
            (self._folder / name).chmod(0o755)

    @property
    def argv(self) -> list[str]:
        shown = str(self._folder)
        sandbox = ["bwrap", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--ro-bind", str(self._root), "/"]
        sandbox += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp", "--bind", shown, "/mnt"]
        sandbox += ["--ro-bind", f"{shown}/permit", "/etc/pam.d/weston-remote-access"]
        sandbox += ["--ro-bind", f"{shown}/passwd", "/etc/passwd", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        become = ["setpriv", f"--reuid={self._uid}", f"--regid={self._uid}", "--clear-groups", "sh", "-c", _START, "sh"]
        return [
            *sandbox,
            *become,
            f"--port={vnc_port(self._name)}",
            f"--width={SIZE[0]}",
            f"--height={SIZE[1]}",
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        self.prepare()
        env = command.clean_environment(XDG_RUNTIME_DIR="/tmp/wayland", HOME="/tmp")
        with (self._folder / "log").open("wb") as log:
            process = command.start(self.argv, env=env, stdout=log, stderr=log)
        try:
            listening = f":{vnc_port(self._name):04X} 00000000:0000 0A"
            until(lambda: process.poll() is not None or listening in Path("/proc/net/tcp").read_text(), 60, "Weston")
            assert process.poll() is None, self.log
            yield
        finally:
            command.kill_group(process)


@contextmanager
def weston(root: Path, name: str, *, as_root: bool) -> Iterator[Weston]:
    folder = Path(tempfile.mkdtemp(prefix="hw", dir="/tmp"))
    started = Weston(root, name, 0 if as_root else host_uid(name), folder)
    try:
        with started.running():
            yield started
    finally:
        shutil.rmtree(folder)
