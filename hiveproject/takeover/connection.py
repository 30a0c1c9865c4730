"""A websocket after the takeover: a Twisted protocol of our own in place of daphne's, on the same transport.

The socket is read and written here, with nothing between it and the event loop. What it does not take at once the
transport sends on, and tells when it is through (a pull producer is asked for more then). The transport also finds
out that a connection has ended, and closes it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from agents.takeover import Reader
from hiveproject.takeover import codec
from hiveproject.takeover.codec import Control, Decoder, ProtocolBroken

logger = logging.getLogger(__name__)
UNREAD_SECONDS, CLOSE_SECONDS = 30.0, 5.0
_IOV_MAX = 1024
_READ_BYTES = 64 * 1024
_COPY_BELOW = 128 * 1024


@implementer(IPullProducer)
class TakenConnection(Protocol):
    """`over` is called with the reason when the transport has ended, before the reader hears of it."""

    def __init__(
        self, transport: Any, reader: Reader, over: Callable[[Any], None], *, max_message: int, high_water: int
    ) -> None:
        self._transport = transport
        self._reader, self._over = reader, over
        self._socket: socket.socket = transport.getHandle()
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder(max_message)
        self._high_water = high_water
        self._out: list[bytes] = []
        self._waiting = 0
        self._draining = False
        self._was_congested = False
        self._reading = False
        self._delivering = False
        self._listens = False
        self._closing_since: float | None = None
        self._unread_since: float | None = None
        self._heard = time.monotonic()
        self._asked: float | None = None
        self._is_lost = False
        self._failed_with = 0
        self._ended = False
        self._drained: asyncio.Future[None] | None = None
        self._detached: Given | None = None
        self.close_code = codec.LOST
        transport.registerProducer(self, False)

    # Reading

    def feed(self, data: bytes) -> None:
        """What the client had sent before the takeover."""
        self._decoder.feed(data)

    def _listen(self, wanted: bool) -> None:
        if wanted and not self._listens and not self._ended:
            self._loop.add_reader(self._socket, self._readable)
            self._listens = True
        elif not wanted and self._listens:
            self._loop.remove_reader(self._socket)
            self._listens = False

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.dataReceived(data)
        else:  # the transport reads the same, and knows what to do
            self._listen(False)
            self._transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        self._heard, self._asked = time.monotonic(), None
        if self._is_lost:
            return
        self._decoder.feed(data)
        if self._reading or self._closing_since is not None:
            self._deliver()

    def pause(self) -> None:
        self._reading = False
        if self._closing_since is None:
            self._listen(False)

    def resume(self) -> None:
        if self._reading or self._detached is not None or self._ended:
            return
        self._reading = True
        self._heard, self._asked = time.monotonic(), None
        self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """First what is there already, then what comes."""
        if self._reading:
            self._deliver()
        if self._reading:
            self._listen(True)

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._may_deliver and (item := self._decoder.take()) is not None:
                if isinstance(item, Control):
                    self._control(item)
                elif self._closing_since is None:
                    self._reader.received(item)
        except ProtocolBroken as broken:
            self._fail(broken)
        except Exception:  # a defect of the consumer ends its own connection only
            logger.exception("a message could not be taken")
            self.close(codec.FAILED)
        finally:
            self._delivering = False

    @property
    def _may_deliver(self) -> bool:
        return not self._is_lost and (self._reading or self._closing_since is not None)

    def _control(self, control: Control) -> None:
        if control.opcode == codec.PING and self._closing_since is None:
            self._write(codec.PONG, control.payload)
        elif control.opcode == codec.CLOSE:
            self.close_code = control.code
            if self._closing_since is None:
                self._say_close(control.payload[:2])
            self._flush()
            self._leave()

    def _fail(self, broken: ProtocolBroken) -> None:
        """Nothing is delivered any more, but read on: closing with something unread would reset the connection,
        and the client would not learn why.
        """
        if self._closing_since is None:
            logger.info("a websocket is closed: %s", broken)
            self._reader.failed(broken.code, str(broken))
            self.close(broken.code, str(broken))
        self._failed_with = broken.code
        if broken.lost:
            self._is_lost = True
            self._flush()
            self._transport.unregisterProducer()
            self._transport.loseWriteConnection()
        else:
            self._loop.call_soon(self._deliver)

    # Writing

    @property
    def congested(self) -> bool:
        return self._waiting > self._high_water

    def send_first(self, answer: bytes) -> None:
        """The answer to the handshake."""
        self._queue(answer)

    def send(self, message: str | bytes) -> None:
        if self._closing_since is None:
            if isinstance(message, str):
                self._write(codec.TEXT, message.encode())
            else:
                self._write(codec.BINARY, message)

    def send_many(self, messages: Iterable[str | bytes]) -> None:
        for message in messages:
            self.send(message)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._ended or self._detached is not None:
            return
        self._queue(*codec.encoded(opcode, payload))

    def _queue(self, *pieces: bytes) -> None:
        if not self._out and not self._draining:
            self._loop.call_soon(self._flush)
        self._out += pieces
        self._waiting += sum(map(len, pieces))
        if self._waiting > self._high_water and not self._was_congested:
            self._was_congested = True
            self._unread_since = time.monotonic()

    def _flush(self) -> None:
        if self._draining or self._ended or not self._out:
            return
        out, self._out = self._out, []
        try:
            sent = self._send(out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:  # the transport finds out by itself, and ends the connection
            sent = 0
        if sent == self._waiting:
            self._is_drained()
            return
        self._draining = True
        self._waiting -= sent
        self._unread_since = self._unread_since or time.monotonic()
        self._transport.write(b"".join(out)[sent:])

    def _send(self, out: list[bytes]) -> int:
        if self._waiting < _COPY_BELOW or len(out) > _IOV_MAX:
            return self._socket.send(b"".join(out))
        return self._socket.sendmsg(out)

    def resumeProducing(self) -> None:
        """The transport has sent all it was given (IPullProducer)."""
        if self._draining:
            self._draining = False
            self._waiting = sum(map(len, self._out))
            self._unread_since = None
            if self._out:
                self._flush()
            else:
                self._is_drained()

    def stopProducing(self) -> None:
        """The transport closes the socket next (IPullProducer); `connectionLost` follows."""
        self._listen(False)

    def _is_drained(self) -> None:
        self._waiting, self._unread_since = 0, None
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._was_congested:
            self._was_congested = False
            self._reader.relieved()

    # Ending

    def close(self, code: int = codec.NORMAL, reason: str = "") -> None:
        if self._closing_since is not None or self._ended:
            return
        if self._detached is not None:
            self._detached.end()
            return
        self._say_close(codec.close_payload(code, reason))
        self._flush()
        if not self._reading:  # the client's close frame is waited for
            self._loop.call_soon(self._deliver)
            self._listen(True)

    def abort(self) -> None:
        if not self._ended:
            self._listen(False)
            self._transport.abortConnection()

    def _say_close(self, payload: bytes) -> None:
        self._write(codec.CLOSE, payload)
        self._closing_since = time.monotonic()

    def _leave(self) -> None:
        """Close the socket once all is sent."""
        self._listen(False)
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        if self._ended:
            return
        self._ended, self._reading = True, False
        self._out.clear()
        if self._drained is not None and not self._drained.done():
            self._drained.set_exception(ConnectionError("the connection has ended"))
        self.close_code = self._failed_with or self.close_code
        self._over(reason)
        self._reader.ended(self.close_code)

    def check(self, ping_after: float, lost_after: float) -> None:
        """Called every few seconds: asks a silent client whether it is there, gives up one that is not."""
        now = time.monotonic()
        if self._ended or self._detached is not None:
            return
        if self._unread_since is not None and now - self._unread_since > UNREAD_SECONDS:
            logger.warning("a client that reads nothing was disconnected")
            self.abort()
        elif self._closing_since is not None:
            if now - self._closing_since > CLOSE_SECONDS:
                self.abort()
        elif self._reading and self._asked is not None:
            if now - self._asked > lost_after:
                logger.warning("a client that answers nothing was disconnected")
                self.abort()
        elif self._reading and now - self._heard > ping_after:
            self._asked = now
            self._write(codec.PING, b"")

    # Giving the socket away

    async def detach(self) -> Given:
        self.pause()
        if self._waiting and not self._ended:
            self._drained = self._loop.create_future()
            await self._drained
        if self._ended or self._closing_since is not None:
            raise ConnectionError("the connection has ended")
        if self._decoder.inside_message:
            raise ConnectionError("the client is in the middle of a fragmented message")
        self._detached = Given(self._transport, self._socket, self._decoder.leftover())
        return self._detached


class Given:
    """The socket of a connection in somebody else's hands."""

    def __init__(self, transport: Any, held: socket.socket, leftover: bytes) -> None:
        self._transport, self._socket = transport, held
        self.leftover = leftover

    def fileno(self) -> int:
        return self._socket.fileno()

    def end(self) -> None:
        """Shut the socket down for whoever holds a duplicate too; then the transport notices its end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._transport.abortConnection()
