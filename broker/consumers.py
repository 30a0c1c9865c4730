"""The agents' websocket as a Channels consumer: checks who connects, then only carries frames to its session."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from agents import takeover, tokens
from agents.models import Agent
from broker import frames, hub
from broker.frames import Frame
from broker.sessions import Session
from broker.threads import in_thread

logger = logging.getLogger(__name__)
_BACKLOG = 8


class ChannelsWire:
    """Frames in order through the consumer's `send`, no faster than the server says the client reads."""

    def __init__(self, send: Any, writable: asyncio.Event) -> None:
        self._send, self._writable = send, writable
        self._queue: deque[dict[str, object]] = deque()
        self._filled = asyncio.Event()

    @property
    def congested(self) -> bool:
        return len(self._queue) > _BACKLOG or not self._writable.is_set()

    def send(self, frame: Frame | str) -> None:
        self._queue.append({"type": "websocket.send", "text": _as_text(frame)})
        self._filled.set()

    def close(self, code: int) -> None:
        self._queue.append({"type": "websocket.close", "code": code})
        self._filled.set()

    async def run(self, relieved: Callable[[], None]) -> None:
        """Send what is queued; `relieved` is called when pushes that were held back may go on."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            held_back = False
            while self._queue:
                held_back |= self.congested
                await self._writable.wait()
                await self._send(self._queue.popleft())
            if held_back or self.congested:
                await self._writable.wait()
                relieved()


class TakenWire:
    """Frames straight into a connection that was taken over from the web server, and from it into the session."""

    def __init__(self, offer: takeover.Offer) -> None:
        self._offer = offer
        self._breathing: asyncio.Task[None] | None = None

    def accept(self, session: Session) -> None:
        self._session = session
        self._connection = self._offer.accept(self, max_message=frames.MAX_BYTES)
        self._connection.resume()

    @property
    def congested(self) -> bool:
        return self._connection.congested

    def send(self, frame: Frame | str) -> None:
        self._connection.send(_as_text(frame))

    def close(self, code: int) -> None:
        self._connection.close(code)

    def received(self, message: str | bytes) -> None:
        self._session.receive(message if isinstance(message, str) else None)
        if self._session.is_behind and self._breathing is None:
            self._connection.pause()
            self._breathing = asyncio.create_task(self._breathe())

    def relieved(self) -> None:
        hub.current().wake((self._session.name,))

    def failed(self, code: int, reason: str) -> None:
        if code == frames.CLOSE_TOO_LONG:
            self.send(frames.error("too_long", reason))

    def ended(self, code: int) -> None:  # noqa: ARG002
        self._session.end()

    async def _breathe(self) -> None:
        await self._session.breathe()
        self._breathing = None
        self._connection.resume()


class AgentConsumer(AsyncWebsocketConsumer):
    """`scope["hive_agent"]` names the agent whose socket it came in by; the token must be that agent's."""

    _session: Session | None = None
    _sending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the thread hop per message of the base class: no handler here uses the database itself."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        scope = cast("dict[str, Any]", self.scope)
        agent = await in_thread(authenticated, scope)
        if agent is None:
            logger.warning("websocket of %s refused: no token, or not its own", scope["hive_agent"])
            await self.close()
            return
        if (offer := takeover.offered(scope)) is not None:
            taken = TakenWire(offer)
            self._session = Session(hub.current(), agent, taken)
            taken.accept(self._session)
            return
        writable = scope.get("extensions", {}).get("hyperhive.writable") or _always()
        wire = ChannelsWire(self.base_send, writable)
        self._session = session = Session(hub.current(), agent, wire)
        self._sending = asyncio.create_task(wire.run(lambda: hub.current().wake((session.name,))))
        self._sending.add_done_callback(self._sent)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        if self._session is not None:
            self._session.receive(text_data)
            await self._session.breathe()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        self._over()

    def _sent(self, sending: asyncio.Task[None]) -> None:
        if not sending.cancelled() and sending.exception() is not None:
            logger.error("a session could not be written to", exc_info=sending.exception())
            self._over()

    def _over(self) -> None:
        if self._session is not None:
            self._session.end()
        if self._sending is not None:
            self._sending.cancel()


def authenticated(scope: Mapping[str, Any]) -> Agent | None:
    """The agent whose socket and whose token it is. Blocks."""
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    agent = tokens.holder(scope["hive_agent"], token.strip())
    return agent if agent is not None and hub.may_connect(agent) else None


def _as_text(frame: Frame | str) -> str:
    return frame if isinstance(frame, str) else json.dumps(frame)


def _always() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
