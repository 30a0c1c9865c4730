"""Where an agent's screen is: derived on the host from the agent's name, whatever the agent or a request says.

`vnc.sock` in its runtime folder, opened without following links; else 127.0.0.1 and the port of its name, unless
another agent is who listens there.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.naming import UIDS, host_uid, vnc_port
from agents.paths import Paths
from agents.screen.security import Credentials

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTENS = "0A"
_SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class NoScreen(Exception):
    """The agent has no screen that answers; the text says why."""


def is_there(paths: Paths, name: str) -> bool:
    """Whether something offers a screen for this agent now; asking does not connect."""
    try:
        with _socket_file(paths, name):
            return True
    except FileNotFoundError:
        return _listener(name) is not None
    except (NoScreen, OSError):
        return False


def connect(paths: Paths, name: str) -> socket.socket:
    """A connected, non-blocking socket. Raises `NoScreen`. Does not wait: both ends are on this machine."""
    try:
        with _socket_file(paths, name) as path:
            return _connected(socket.AF_UNIX, path)
    except FileNotFoundError:
        return _by_port(name)


def credentials(paths: Paths, name: str) -> Credentials:
    """What the agent's VNC server is told. Raises `NoScreen`."""
    return Credentials(_server_user(paths, name), _password(paths, name))


def _server_user(paths: Paths, name: str) -> str:
    """Whom the server runs as inside: the agent's own user is called like the agent; whoever else it is, is root."""
    try:
        with _socket_file(paths, name):
            return name
    except FileNotFoundError:
        # The user of an unprivileged hive is its agents' as well. The containers' root may be any user out here.
        return name if _listener(name) in {host_uid(name), os.geteuid()} - {0} else "root"


def _password(paths: Paths, name: str) -> str:
    """What the agent's VNC server asks for: the first line of `vnc-password` in the runtime folder, or nothing."""
    try:
        with _opened(paths, name, paths.vnc_password(name).name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise NoScreen(f"{paths.vnc_password(name)} must be a file")
            return os.read(file, 256).decode(errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise NoScreen(f"{paths.vnc_password(name)} cannot be read: {error.strerror}") from error


@contextmanager
def _socket_file(paths: Paths, name: str) -> Iterator[str]:
    """A path that leads to exactly the socket that was looked at."""
    with _opened(paths, name, paths.vnc_socket(name).name, _FILE) as file:
        if not stat.S_ISSOCK(os.fstat(file).st_mode):
            raise NoScreen(f"{paths.vnc_socket(name)} is a link or a file, not a socket: remove it")
        yield f"/proc/self/fd/{file}"


@contextmanager
def _opened(paths: Paths, name: str, file: str, flags: int) -> Iterator[int]:
    folder = os.open(paths.agent_runtime(name), _FOLDER)
    try:
        opened = os.open(file, flags | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        yield opened
    finally:
        os.close(opened)


def _by_port(name: str) -> socket.socket:
    uid = _listener(name)
    if uid is None:
        raise NoScreen("nothing offers a screen for this agent now")
    if uid in UIDS and uid != host_uid(name):
        raise NoScreen(f"another agent listens on port {vnc_port(name)}: rename one of them")
    return _connected(socket.AF_INET, ("127.0.0.1", vnc_port(name)))


def _listener(name: str) -> int | None:
    """User id of whoever listens on the port of this agent's screen."""
    wanted = f":{vnc_port(name):04X}"
    for file in _SOCKETS:
        try:
            lines = file.read_text().splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for columns in map(str.split, lines):
            if columns[3] == _LISTENS and columns[1].endswith(wanted):
                return int(columns[7])
    return None


def _connected(family: int, address: str | tuple[str, int]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(1)  # loopback: it answers at once or never
        made.connect(address)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise NoScreen(f"the screen does not answer: {error.strerror or error}") from error
    return made
