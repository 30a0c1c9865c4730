"""Connections of the web server: daphne's, with limits on what they take in and on what they hold for a client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from broker import frames

logger = logging.getLogger(__name__)
MAX_BODY = 2 * 1024 * 1024
UNREAD_SECONDS = 30.0
_MAX_INPUT = 64
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
        if not self._refused:
            super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        self._refused = True
        logger.warning("a request body over %d bytes was refused", MAX_BODY)
        self.channel.transport.write(_TOO_LARGE)
        self.channel.loseConnection()


@implementer(IPushProducer)
class WebSocket(WebSocketProtocol):  # type: ignore[misc]
    """A websocket that is read no faster than it is handled, and given up when its client stops reading."""

    _unread_since: float | None = None
    _reason: str | None = None

    def onConnect(self, request: Any) -> Any:
        self.writable = asyncio.Event()
        self.writable.set()
        return super().onConnect(request)

    def onOpen(self) -> None:
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

    def handle_reply(self, message: Any) -> None:
        """Daphne forgets the reason of a close."""
        self._reason = message.get("reason") or None
        super().handle_reply(message)

    def serverClose(self, code: int | None = None) -> None:
        """The library sends 1000 and an application's own codes only; 1001 and 1011 are a server's to send too."""
        if code is not None and 1000 < code < 3000:
            self.sendCloseFrame(code=code)
        else:
            self.sendClose(code or 1000, self._reason)

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
        if self._unread_since is not None and time.monotonic() - self._unread_since > UNREAD_SECONDS:
            logger.warning("a client that reads nothing was disconnected")
            self._unread_since = None
            self.transport.abortConnection()
            return
        super().check_timeouts()


class Factory(HTTPFactory):  # type: ignore[misc]
    """Builds connections of our own kind of request."""

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol
