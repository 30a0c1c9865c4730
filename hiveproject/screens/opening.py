"""An open screen, whichever way it is carried: what its consumer can do with it."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Protocol

from agents.screen.handshakes import ToServer
from agents.screen.security import Credentials
from hiveproject.screens import codes

HANDSHAKE_SECONDS = 10.0


class ScreenOver(Exception):
    """The session has ended, or never began; `code` and text are for the browser."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Screen(Protocol):
    """One browser's."""

    @property
    def last_used(self) -> float:
        """When the browser last acted on the desktop, by the monotonic clock."""

    @property
    def driving(self) -> bool:
        """Whether the browser may act on the desktop now."""

    def drive(self, length: timedelta) -> None:
        """Let it for `length` from now; none takes it away and lifts what it holds."""

    async def run(self) -> None:
        """Carry until one side ends. Always raises `ScreenOver` or `RfbError`."""

    async def close(self, code: int, reason: str) -> None:
        """Tell the browser why, and end."""


async def greeted(server: socket.socket, credentials: Credentials) -> bytes:
    """Through the server's handshake; what it has said behind it. Raises `ScreenOver`, `RfbError`, `OSError`."""
    loop, handshake = asyncio.get_running_loop(), ToServer(credentials)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            while not handshake.done:
                data = await loop.sock_recv(server, 4096)
                if not data:
                    raise ScreenOver(codes.NO_SCREEN, "the screen hung up")
                await loop.sock_sendall(server, handshake.feed(data))
    except TimeoutError as error:
        late = f"the screen did not answer within {HANDSHAKE_SECONDS:.0f} s"
        raise ScreenOver(codes.NO_SCREEN, late) from error
    return handshake.rest()
