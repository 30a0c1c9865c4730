"""A screen carried by the relay process: greeted here, then both sockets are handed over."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from datetime import timedelta

from agents import takeover
from agents.screen.handshakes import ToBrowser
from agents.screen.rfb import RfbError
from agents.screen.security import Credentials
from hiveproject.screens import codes
from hiveproject.screens.opening import HANDSHAKE_SECONDS, ScreenOver, greeted
from hiveproject.screens.relay.packets import MAX_EARLY
from hiveproject.screens.relay.process import Carried, RelayProcess

_MAX_GREETING = 4096


class RelayedScreen:
    """Accepts the websocket by taking it over. Raises `ConnectionError` when the browser has gone."""

    def __init__(
        self, offer: takeover.Offer, relay: RelayProcess, server: socket.socket, credentials: Credentials
    ) -> None:
        self._relay, self._server, self._credentials = relay, server, credentials
        self._greeting = ToBrowser()
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early = b""
        self._carried: Carried | None = None
        self._driving_until = self._began_driving = 0.0
        self._connection = offer.accept(self, max_message=MAX_EARLY)

    @property
    def driving(self) -> bool:
        return time.monotonic() < self._driving_until

    @property
    def last_used(self) -> float:
        return max(self._began_driving, self._carried.used_at if self._carried is not None else 0.0)

    def drive(self, length: timedelta) -> None:
        had, has = self._driving_until > 0, length > timedelta(0)
        self._driving_until = time.monotonic() + length.total_seconds() if has else 0.0
        if has and not had:
            self._began_driving = time.monotonic()
        if (has or had) and self._carried is not None:
            self._carried.drive(max(0.0, length.total_seconds()))

    async def run(self) -> None:
        detached: takeover.Detached | None = None
        try:
            rest = await greeted(self._server, self._credentials)
            await self._greet()
            detached = await self._connection.detach()
            self._carried = self._handed_over(detached, rest)
            code, reason = await self._carried.ended
        except OSError as error:
            raise ScreenOver(codes.OVER, f"the screen was lost: {error.strerror or error}") from error
        finally:
            self._server.close()
            if detached is not None:
                detached.end()
        raise ScreenOver(code, reason)

    async def close(self, code: int, reason: str) -> None:
        if self._carried is None:
            self._connection.close(code, reason)
            return
        self._carried.close(code, reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await asyncio.shield(self._carried.ended)

    def _handed_over(self, detached: takeover.Detached, rest: bytes) -> Carried:
        waiting = {"rest": rest, "early": self._early, "leftover": detached.leftover}
        if len(self._early) + len(detached.leftover) > MAX_EARLY:
            raise RfbError("too much at once")
        left = max(0.0, self._driving_until - time.monotonic())
        return self._relay.carry(self._server.fileno(), detached.fileno(), left, **waiting)

    async def _greet(self) -> None:
        self._connection.send(self._greeting.feed(b""))
        self._connection.resume()
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._greeted
        except TimeoutError as error:
            late = f"the browser did not answer within {HANDSHAKE_SECONDS:.0f} s"
            raise ScreenOver(codes.BAD_MESSAGE, late) from error

    # takeover.Reader, until the sockets are handed over

    def received(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._refuse(RfbError("only binary messages are understood here"))
            return
        try:
            answer = self._greeting.feed(message)
        except RfbError as error:
            self._refuse(error)
            return
        if answer:
            self._connection.send(answer)
        if self._greeting.done:
            self._early = self._greeting.rest()
            self._connection.pause()
            if not self._greeted.done():
                self._greeted.set_result(None)

    def relieved(self) -> None:
        """Little is sent before the handover."""

    def failed(self, code: int, reason: str) -> None:
        """`ended` follows."""

    def ended(self, code: int) -> None:
        self._refuse(ConnectionError(f"the browser has left ({code})"))

    def _refuse(self, error: Exception) -> None:
        if not self._greeted.done():
            self._greeted.set_exception(error)
            self._greeted.exception()  # whoever waits gets it too; nobody may wait any more
