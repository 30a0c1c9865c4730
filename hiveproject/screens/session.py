"""One open screen: the host between a browser and an agent's VNC server."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from agents.screen.client import ClientMessages
from agents.screen.handshakes import ToBrowser, ToServer
from agents.screen.security import Credentials

HANDSHAKE_SECONDS = 10.0
_CHUNK = 128 * 1024
_BUFFER = 64 * 1024

Send = Callable[[bytes], Awaitable[None]]
"""Returns when more may be sent."""


class ScreenOver(Exception):
    """The VNC server has ended the session, or never began it; the text says how."""


class Session:
    """Bytes in both directions, each no faster than the other end takes them.

    `run` carries what the server says; `from_browser` is called with what the browser says, one call at a time.
    """

    def __init__(self, connected: socket.socket, credentials: Credentials, send: Send) -> None:
        self._socket, self._send = connected, send
        self._to_server, self._to_browser = ToServer(credentials), ToBrowser()
        self._messages = ClientMessages()
        self._ready, self._open = asyncio.Event(), asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._driving_until = self.last_used = 0.0

    @property
    def driving(self) -> bool:
        return time.monotonic() < self._driving_until

    def drive(self, length: timedelta) -> None:
        """Let the browser act on the desktop for `length` from now; none takes it away and lifts what it holds."""
        had, has = self._driving_until > 0, length > timedelta(0)
        self._driving_until = time.monotonic() + length.total_seconds() if has else 0.0
        if has and not had:
            self.last_used = time.monotonic()
        elif had and not has and self._writer is not None:
            self._writer.write(self._messages.release())

    async def run(self) -> None:
        """Until the server ends it. Raises `ScreenOver`, `RfbError`."""
        reader, self._writer = await asyncio.open_connection(sock=self._socket, limit=_BUFFER)
        try:
            await self._greet(reader, self._writer)
            await self._carry(reader)
        except OSError as error:
            raise ScreenOver(f"the screen was lost: {error.strerror or error}") from error
        finally:
            self._writer.transport.abort()
        raise ScreenOver("the screen has ended")

    async def from_browser(self, data: bytes) -> None:
        """Pass on what may pass. Raises `RfbError`."""
        await self._ready.wait()
        if not self._to_browser.done:
            answer = self._to_browser.feed(data)
            data = self._to_browser.rest() if self._to_browser.done else b""
            if answer:
                await self._send(answer)
            if self._to_browser.done:
                self._open.set()
        await self._act(data)

    async def _act(self, data: bytes) -> None:
        passing = self._messages.feed(data, driving=self.driving)
        if self._messages.acted:
            self._messages.acted, self.last_used = False, time.monotonic()
        if passing and self._writer is not None:
            self._writer.write(passing)
            await self._writer.drain()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                while not self._to_server.done:
                    writer.write(self._to_server.feed(await _some(reader)))
                await self._send(self._to_browser.feed(b""))
                self._ready.set()
                await self._open.wait()
        except TimeoutError as error:
            late = "the browser" if self._ready.is_set() else "the screen"
            raise ScreenOver(f"{late} did not answer within {HANDSHAKE_SECONDS:.0f} s") from error
        if rest := self._to_server.rest():
            await self._send(rest)

    async def _carry(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK):
            await self._send(data)


async def _some(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(4096)
    if not data:
        raise ScreenOver("the screen hung up")
    return data
