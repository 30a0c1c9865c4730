"""The Unix socket of an agent's screen: made by the host in the agent's runtime folder, handed in already listening.

The folder is read-only inside, so what lies there is the host's own; the agent can only answer.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

BACKLOG = 64


def listen(folder: str, identity: tuple[int, int], name: str, owner: tuple[int, int]) -> int:
    """A descriptor that listens at `name` in `folder`, which must be the one that was checked. Raises `OSError`.

    Only `owner` can connect. The file is made as that user: the folder is its own, and root follows nobody's links.
    """
    opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(opened)
        if (found.st_dev, found.st_ino) != identity:
            raise FileNotFoundError(f"{folder} was exchanged")
        return _as(owner, opened, name)
    finally:
        os.close(opened)


def _as(owner: tuple[int, int], folder: int, name: str) -> int:
    before = os.geteuid(), os.getegid()
    if before[0] == 0:
        os.setegid(owner[1])
        os.seteuid(owner[0])
    try:
        return _bound(folder, name)
    finally:
        if before[0] == 0:
            os.seteuid(before[0])
            os.setegid(before[1])


def _bound(folder: int, name: str) -> int:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before bind: the file is made with this mode, nobody else can connect in between.
        os.fchmod(made.fileno(), 0o600)
        made.bind(f"/proc/self/fd/{folder}/{name}")
        made.listen(BACKLOG)
        return made.detach()
    finally:
        made.close()
