"""A network namespace in which there is nothing but loopback, and a listening socket in it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

# The child brings loopback up (netdevice(7)), hands a listener of its namespace over, and holds it open.
HOLD = """
import fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
listener = socket.create_server(("127.0.0.1", 0), backlog=128)
with socket.socket(fileno=int(sys.argv[1])) as parent:
    socket.send_fds(parent, [b"x"], [listener.fileno()])
listener.close()
sys.stdin.read()
"""


@dataclass(frozen=True)
class Lonely:
    """`enter` are the words before a command that runs it inside."""

    listener: socket.socket
    enter: tuple[str, ...]


@asynccontextmanager
async def namespace() -> AsyncIterator[Lonely]:
    root = os.geteuid() == 0
    ours, theirs = socket.socketpair()
    with ours, theirs:
        holder = await asyncio.create_subprocess_exec(
            "unshare", *([] if root else ["--map-root-user"]), "--net", sys.executable, "-c", HOLD,
            str(theirs.fileno()), pass_fds=(theirs.fileno(),), stdin=PIPE,
        )  # fmt: skip
        _, (descriptor,), _, _ = await asyncio.to_thread(socket.recv_fds, ours, 1, 1)
    user = [] if root else ["--user", "--preserve-credentials"]
    try:
        with socket.socket(fileno=descriptor) as listener:
            yield Lonely(listener, ("nsenter", "--target", str(holder.pid), *user, "--net"))
    finally:
        holder.kill()
        await holder.wait()
