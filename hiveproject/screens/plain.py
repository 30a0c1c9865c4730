"""A screen carried by the web process itself, through the consumer's `send` and `receive`: where a connection cannot be
taken over (TLS ended in the server, another server), and where what is shown is recorded.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from agents.screen.client import ClientMessages
from agents.screen.handshakes import ToBrowser
from agents.screen.security import Credentials
from hiveproject.screens import codes
from hiveproject.screens.opening import HANDSHAKE_SECONDS, ScreenOver, greeted

_CHUNK = 128 * 1024
_BUFFER = 64 * 1024

Send = Callable[[bytes], Awaitable[None]]
"""Returns when more may be sent."""
Close = Callable[[int, str], Awaitable[None]]


class PlainScreen:
    """Bytes in both directions, each no faster than the other end takes them.

    `from_browser` is called with what the browser says, one call at a time.
    """

    def __init__(self, server: socket.socket, credentials: Credentials, send: Send, close: Close) -> None:
        self._server, self._credentials = server, credentials
        self._send, self._close = send, close
        self._greeting, self._messages = ToBrowser(), ClientMessages()
        self._ready, self._open = asyncio.Event(), asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._driving_until = self.last_used = 0.0

    @property
    def driving(self) -> bool:
        return time.monotonic() < self._driving_until

    def drive(self, length: timedelta) -> None:
        had, has = self._driving_until > 0, length > timedelta(0)
        self._driving_until = time.monotonic() + length.total_seconds() if has else 0.0
        if has and not had:
            self.last_used = time.monotonic()
        elif had and not has and self._writer is not None:
            self._writer.write(self._messages.release())

    async def run(self) -> None:
        try:
            rest = await greeted(self._server, self._credentials)
            reader, self._writer = await asyncio.open_connection(sock=self._server, limit=_BUFFER)
            await self._greet()
            if rest:
                await self._send(rest)
            while data := await reader.read(_CHUNK):
                await self._send(data)
        except OSError as error:
            raise ScreenOver(codes.OVER, f"the screen was lost: {error.strerror or error}") from error
        finally:
            if self._writer is not None:
                self._writer.transport.abort()
            self._server.close()
        raise ScreenOver(codes.OVER, "the screen has ended")

    async def close(self, code: int, reason: str) -> None:
        await self._close(code, reason)

    async def from_browser(self, data: bytes) -> None:
        """Pass on what may pass. Raises `RfbError`, `OSError`."""
        await self._ready.wait()
        if not self._greeting.done:
            answer = self._greeting.feed(data)
            data = self._greeting.rest() if self._greeting.done else b""
            if answer:
                await self._send(answer)
            if self._greeting.done:
                self._open.set()
        await self._act(data)

    async def _act(self, data: bytes) -> None:
        passing = self._messages.feed(data, driving=self.driving)
        if self._messages.acted:
            self._messages.acted, self.last_used = False, time.monotonic()
        if passing and self._writer is not None:
            self._writer.write(passing)
            await self._writer.drain()

    async def _greet(self) -> None:
        await self._send(self._greeting.feed(b""))
        self._ready.set()
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._open.wait()
        except TimeoutError as error:
            late = f"the browser did not answer within {HANDSHAKE_SECONDS:.0f} s"
            raise ScreenOver(codes.BAD_MESSAGE, late) from error
