"""One open screen in the relay: frames to the browser by splice, the browser's messages read and judged.

Towards the browser nothing is read from the server before what was read has gone out, so a browser that stops reading
stops the server, and nothing piles up here. Control frames go out between data frames only.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from select import EPOLLIN, EPOLLOUT, epoll
from typing import Protocol

from agents.screen.client import MAX_CUT_TEXT, ClientMessages
from agents.screen.rfb import RfbError
from hiveproject.screens import codes
from hiveproject.screens.relay import pipes
from hiveproject.takeover import codec
from hiveproject.takeover.codec import Control, Decoder, ProtocolBroken

SMALL = 16 * 1024
"""Up to here a copy is cheaper than a splice."""
MAX_MESSAGE = 2 * MAX_CUT_TEXT
PING_SECONDS, LOST_SECONDS, UNREAD_SECONDS, CLOSE_SECONDS = 20.0, 50.0, 30.0, 5.0
_READ = 64 * 1024
_MOVE = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_NOW, _MORE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL, socket.MSG_MORE
_BINARY = 0x80 | codec.BINARY


class Watcher(Protocol):
    """Who is told when a descriptor is ready."""

    poller: epoll
    handlers: dict[int, Callable[[int], None]]


class Carriage:
    """`over` is called once with a close code and a reason, when both sockets are closed."""

    def __init__(
        self, watcher: Watcher, server: socket.socket, browser: socket.socket, over: Callable[[int, str], None]
    ) -> None:
        self._watcher, self._over = watcher, over
        self._server, self._browser = server, browser
        self._messages, self._decoder = ClientMessages(), Decoder(MAX_MESSAGE)
        self._head = b""
        self._pipe: pipes.Pipe | None = None
        self._piped = 0
        self._in_bulk = False
        self._control = b""
        self._to_server = b""
        self._driving_until = 0.0
        self._end: tuple[int, str] | None = None
        self._closing_since = self._stuck_since = 0.0
        self._heard = self._asked = time.monotonic()
        self._is_over = self._reads_both = False
        self._interests = {server.fileno(): 0, browser.fileno(): 0}
        self._ready = {server.fileno(): self._server_ready, browser.fileno(): self._browser_ready}
        self.used = False
        """Whether the browser has acted on the desktop; whoever has seen it resets it."""

    def begin(self, rest: bytes, early: bytes, leftover: bytes) -> None:
        """`rest` is for the browser; `early` are RFB bytes of it, `leftover` raw bytes of its websocket."""
        self._watcher.handlers |= self._ready
        if rest:
            self._head = codec.encoded(codec.BINARY, rest)[0] + rest
        self._guarded(lambda: self._begin(early, leftover))

    def drive(self, seconds: float) -> None:
        """Let the browser act for so long from now; 0 takes it away and lifts what it holds."""
        was, self._driving_until = self._driving_until, time.monotonic() + seconds if seconds > 0 else 0.0
        if was and not self._driving_until:
            self._guarded(lambda: self._pass_on(self._messages.release()))

    def close(self, code: int, reason: str) -> None:
        """Finish the frame that has begun, say why, and wait a moment for the browser to leave."""
        if self._end is None:
            self._end, self._closing_since = (code, reason), time.monotonic()
            self._to_server = b""
            frame = codec.encoded(codec.CLOSE, codec.close_payload(code, reason))
            self._control += b"".join(frame)
            self._guarded(self._push)

    def check(self, now: float) -> None:
        """Called about once a second."""
        if self._closing_since:
            if now - self._closing_since > CLOSE_SECONDS:
                self._finish(*(self._end or (codes.LOST, "")))
        elif self._stuck_since and now - self._stuck_since > UNREAD_SECONDS:
            self._finish(codes.LOST, "the browser reads nothing")
        elif now - self._heard > LOST_SECONDS and not self._stuck_since:
            self._finish(codes.LOST, "the browser does not answer")
        elif now - max(self._heard, self._asked) > PING_SECONDS:
            self._asked = now
            self._control += b"".join(codec.encoded(codec.PING, b""))
            self._guarded(self._push)

    # Server to browser

    def _server_ready(self, events: int) -> None:
        if events & EPOLLOUT:
            self._guarded(self._flush)
        if events & ~EPOLLOUT and not self._is_over and self._is_idle and self._end is None:
            self._guarded(self._splice if self._in_bulk else self._copy)

    @property
    def _is_idle(self) -> bool:
        """Nothing waits to go to the browser."""
        return not (self._head or self._piped or self._control)

    def _copy(self) -> None:
        data = self._server.recv(SMALL)
        if not data:
            self.close(codes.OVER, "the screen has ended")
            return
        self._in_bulk = len(data) == SMALL
        frame = _header(len(data)) + data
        try:
            sent = self._browser.send(frame, _NOW)
        except BlockingIOError:
            sent = 0
        if sent < len(frame):
            self._head = frame[sent:]
            self._push()

    def _splice(self) -> None:
        pipe = self._pipe = self._pipe or pipes.take()
        try:
            count = os.splice(self._server.fileno(), pipe[1], pipes.SIZE, flags=_MOVE)
        except BlockingIOError:
            self._in_bulk = False
            self._give_back_pipe()
            return
        if count == 0:
            self.close(codes.OVER, "the screen has ended")
            return
        self._in_bulk = count >= SMALL
        self._head, self._piped = _header(count), count
        self._push()

    def _push(self) -> None:
        """Send what waits, as far as the browser takes it."""
        try:
            while self._head:
                sent = self._browser.send(self._head, _NOW | (_MORE if self._piped else 0))
                self._head = self._head[sent:]
            while self._piped and self._pipe is not None:
                self._piped -= os.splice(self._pipe[0], self._browser.fileno(), self._piped, flags=_MOVE)
            while self._control:
                self._control = self._control[self._browser.send(self._control, _NOW) :]
            self._stuck_since = 0.0
        except BlockingIOError:
            self._stuck_since = self._stuck_since or time.monotonic()
        if not self._piped:
            self._give_back_pipe()
        if self._end is not None and self._is_idle:
            self._browser.shutdown(socket.SHUT_WR)
        self._watch()

    def _give_back_pipe(self) -> None:
        if self._pipe is not None:
            pipes.give_back(self._pipe)
            self._pipe = None

    # Browser to server

    def _browser_ready(self, events: int) -> None:
        if events & EPOLLOUT:
            self._guarded(self._push)
        if events & ~EPOLLOUT and not self._is_over and not self._to_server:
            self._guarded(self._read)

    def _begin(self, early: bytes, leftover: bytes) -> None:
        self._judge(early)
        self._take(leftover)
        self._push()

    def _read(self) -> None:
        data = self._browser.recv(_READ, _NOW)
        if not data:
            self._finish(*(self._end or (codes.LOST, "the browser has left")))
            return
        self._heard = time.monotonic()
        if self._end is None:
            self._take(data)

    def _take(self, data: bytes) -> None:
        self._decoder.feed(data)
        while self._end is None and (item := self._decoder.take()) is not None:
            if isinstance(item, bytes):
                self._judge(item)
            elif isinstance(item, Control):
                self._answer(item)
            else:
                raise RfbError("only binary messages are understood here")

    def _judge(self, data: bytes) -> None:
        passing = self._messages.feed(data, driving=time.monotonic() < self._driving_until)
        if self._messages.acted:
            self._messages.acted, self.used = False, True
        if passing:
            self._pass_on(passing)

    def _answer(self, control: Control) -> None:
        if control.opcode == codec.PING:
            self._control += b"".join(codec.encoded(codec.PONG, control.payload))
            self._push()
        elif control.opcode == codec.CLOSE:
            self.close(codec.NORMAL, "")

    def _pass_on(self, data: bytes) -> None:
        self._to_server += data
        self._flush()

    def _flush(self) -> None:
        with suppress(BlockingIOError):
            while self._to_server:
                self._to_server = self._to_server[self._server.send(self._to_server, _NOW) :]
        self._watch()

    # Both

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BlockingIOError:
            self._watch()
        except RfbError as error:
            self.close(codes.BAD_MESSAGE, str(error))
        except ProtocolBroken as broken:
            self.close(broken.code, str(broken))
        except OSError as error:
            self._finish(codes.LOST, error.strerror or str(error))

    def _watch(self) -> None:
        """Ask to be told of what can be done next, and of nothing else."""
        waits = self._head or self._piped or self._control or self._to_server or self._end
        if self._is_over or (self._reads_both and not waits):
            return
        self._reads_both = not waits
        server = (EPOLLIN if self._is_idle and self._end is None else 0) | (EPOLLOUT if self._to_server else 0)
        browser = (0 if self._to_server else EPOLLIN) | (0 if self._is_idle else EPOLLOUT)
        for fd, wanted in ((self._server.fileno(), server), (self._browser.fileno(), browser)):
            if self._interests[fd] != wanted:
                self._interest(fd, wanted)

    def _interest(self, fd: int, wanted: int) -> None:
        """A descriptor that nothing is wanted of is not watched at all: its end would be told again and again."""
        before, self._interests[fd] = self._interests[fd], wanted
        if not wanted:
            self._watcher.poller.unregister(fd)
        elif before:
            self._watcher.poller.modify(fd, wanted)
        else:
            self._watcher.poller.register(fd, wanted)

    def _finish(self, code: int, reason: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        for fd, wanted in self._interests.items():
            if wanted:
                self._watcher.poller.unregister(fd)
            self._watcher.handlers.pop(fd, None)
        if self._pipe is not None:
            pipes.close(self._pipe)
        self._server.close()
        self._browser.close()
        self._over(code, reason)


def _header(size: int) -> bytes:
    """Of a binary frame in one piece (RFC 6455, 5.2)."""
    if size <= codec.MAX_CONTROL:
        return bytes((_BINARY, size))
    if size < 1 << 16:
        return bytes((_BINARY, 126)) + size.to_bytes(2, "big")
    return bytes((_BINARY, 127)) + size.to_bytes(8, "big")
