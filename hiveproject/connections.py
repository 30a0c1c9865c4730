"""Connections of the web server: daphne's, with limits on what they take in and on what they hold for a client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from agents import takeover
from broker import frames
from hiveproject.takeover.connection import TakenConnection

logger = logging.getLogger(__name__)
MAX_BODY = 2 * 1024 * 1024
UNREAD_SECONDS = 30.0
_MAX_INPUT = 64
_MAX_EARLY = 64 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b'Content-Length: 42\r\n\r\n{"error": "the request body is too large"}'
)


class Request(WebRequest):  # type: ignore[misc]
    """A request whose body is refused as soon as it is too long, however it is framed."""

    _received = 0
    _refused = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > MAX_BODY:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._refused:
            return
        if self._received > MAX_BODY:
            self._refuse()
            return
        super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            return
        super().requestReceived(command, path, version)
        if self.channel is None:
            return
        transport = self.channel.transport
        upgraded = getattr(transport, "wrappedProtocol", None) or getattr(transport, "protocol", None)
        if isinstance(upgraded, WebSocket):
            # What the client sent along with its handshake; daphne leaves it behind in the HTTP channel.
            upgraded.dataReceived(self.channel.clearLineBuffer())

    def _refuse(self) -> None:
        self._refused = True
        logger.warning("a request body over %d bytes was refused", MAX_BODY)
        self.channel.transport.write(_TOO_LARGE)
        self.channel.loseConnection()


@implementer(IPushProducer)
class WebSocket(WebSocketProtocol):  # type: ignore[misc]
    """A websocket that is read no faster than it is handled, and given up when its client stops reading.

    Once its consumer has taken it over, it stands for the connection towards daphne only.
    """

    _unread_since: float | None = None
    _early: bytes | None = None
    _taken: TakenConnection | None = None
    data: bytes
    _reason: str | None = None

    def onConnect(self, request: Any) -> Any:
        self.writable = asyncio.Event()
        self.writable.set()
        self._early = b""
        return super().onConnect(request)

    def dataReceived(self, data: bytes) -> None:
        """What comes before the handshake is answered is kept for whoever it is accepted by."""
        if self._early is None:
            super().dataReceived(data)
            return
        self._early += data
        if len(self._early) > _MAX_EARLY:
            self.transport.pauseProducing()

    def onOpen(self) -> None:
        if self._taken is not None:
            return
        # The HTTP channel that this connection began as is still registered.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if self.application_queue.qsize() > _MAX_INPUT:
            self.transport.pauseProducing()

    def _max_message_size_exceeded(self, msg_size: int, max_msg_size: int, reason: str) -> None:
        text = json.dumps(frames.error("too_long", f"a message has at most {max_msg_size} bytes"))
        self.sendMessage(text.encode(), isBinary=False)
        super()._max_message_size_exceeded(msg_size, max_msg_size, reason)

    def serverClose(self, code: int | None = None) -> None:
        """The library sends 1000 and an application's own codes only; 1001 and 1011 are a server's to send too."""
        if code is not None and 1000 < code < 3000:
            self.sendCloseFrame(code=code)
        else:
            self.sendClose(code or 1000, self._reason)

    # Before, at and after the takeover

    def offer(self) -> takeover.Offer | None:
        """For the scope: what a consumer may accept into. Only a plain socket can be taken over."""
        is_plain = isinstance(self.transport, tcp.Connection) and not self.transport.TLS
        return Offer(self) if is_plain else None

    def serverAccept(self, subprotocol: str | None = None) -> None:
        early, self._early = self._early, None
        super().serverAccept(subprotocol)
        if early:
            self.dataReceived(early)
        self.transport.resumeProducing()

    def take_over(self, reader: takeover.Reader, subprotocol: str | None, **limits: int) -> TakenConnection:
        """Swap ourselves for a `TakenConnection` on the transport, then answer the handshake through it."""
        if self.state != self.STATE_CONNECTING or not hasattr(self, "handshake_deferred"):
            raise ConnectionError("the connection has ended, or is answered already")
        if subprotocol is not None and subprotocol not in self.websocket_protocols:
            raise ValueError(f"the client does not speak {subprotocol!r}")
        self.transport.pauseProducing()
        self.transport.unregisterProducer()
        taken = self._taken = self.transport.protocol = TakenConnection(
            self.transport, reader, self.connectionLost, **limits
        )
        taken.feed(self.data + (self._early or b""))
        self.data, self._early = b"", b""
        super().serverAccept(subprotocol)
        return taken

    def sendData(self, data: bytes, *args: Any, **options: Any) -> None:
        if self._taken is not None:
            self._taken.send_first(data)
        else:
            super().sendData(data, *args, **options)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        super().onClose(wasClean, self._taken.close_code if self._taken is not None else code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """A consumer may go on to use `send` after it has taken the connection over."""
        if self._taken is None:
            self._reason = message.get("reason") or None  # daphne forgets it
            super().handle_reply(message)
        elif message["type"] == "websocket.close":
            self._taken.close(message.get("code") or 1000, message.get("reason") or "")
        elif message["type"] == "websocket.send":
            text = message.get("text")
            self._taken.send(message["bytes"] if text is None else text)

    def handle_exception(self, exception: BaseException) -> None:
        if self._taken is None:
            super().handle_exception(exception)

    def application_ended(self, task: asyncio.Task[Any]) -> None:
        """There is no connection without a consumer. daphne itself reports and answers its exceptions, later."""
        is_failed = not task.cancelled() and task.exception() is not None
        if self._taken is not None:
            self._taken.close(1001 if task.cancelled() else 1011 if is_failed else 1000)
        elif self.state == self.STATE_OPEN and not is_failed:
            self.serverClose(1001 if task.cancelled() else 1000)
        elif self.state == self.STATE_CONNECTING and not is_failed and hasattr(self, "handshake_deferred"):
            self.serverReject()

    # Backpressure where it is not taken over

    def handled(self) -> None:
        """The application has taken a message."""
        if self.application_queue.qsize() == _MAX_INPUT // 2 and self.writable.is_set():
            self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """The send buffer is full."""
        self._unread_since = time.monotonic()
        self.writable.clear()
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The send buffer is empty again."""
        self._unread_since = None
        self.writable.set()
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost."""
        self.writable.set()

    def check_timeouts(self) -> None:
        if self._taken is not None:
            self._taken.check(self.server.ping_interval, self.server.ping_timeout)
            return
        if self._unread_since is not None and time.monotonic() - self._unread_since > UNREAD_SECONDS:
            logger.warning("a client that reads nothing was disconnected")
            self._unread_since = None
            self.transport.abortConnection()
            return
        super().check_timeouts()


class Offer:
    """What stands in the scope for `agents.takeover.offered`."""

    def __init__(self, protocol: WebSocket) -> None:
        self._protocol = protocol

    def accept(
        self,
        reader: takeover.Reader,
        *,
        subprotocol: str | None = None,
        max_message: int = takeover.MAX_MESSAGE,
        high_water: int = takeover.HIGH_WATER,
    ) -> takeover.Connection:
        return self._protocol.take_over(reader, subprotocol, max_message=max_message, high_water=high_water)


class Factory(HTTPFactory):  # type: ignore[misc]
    """Builds connections of our own kind of request."""

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol
