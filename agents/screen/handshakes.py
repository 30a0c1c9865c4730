"""The two handshakes that the host ends itself: as the client of an agent's VNC server, as the server of a browser.

Both are fed bytes and say what to send; neither touches a socket. The browser is told that no authentication is
needed: it has shown a session and a ticket before, and what the server wants is the host's business.
"""

from __future__ import annotations

import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Generator

from agents.screen import security
from agents.screen.rfb import APPLE, NONE, VERSION, VNC, Pending, RfbError
from agents.screen.security import Credentials

SHARED = b"\x01"
"""ClientInit: never ask a server to drop the others who watch."""
_MAX_REASON = 1024
_VERSION = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_CHOICE = (NONE, APPLE, VNC)

Steps = Generator[int, bytes, None]
"""Yields how many bytes are wanted and is sent them."""


class Handshake(ABC):
    """Runs `_steps` on what comes in, however it is cut."""

    def __init__(self) -> None:
        self._pending = Pending()
        self._running = self._steps()
        self._answer = bytearray()
        self._wanted = next(self._running)
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """Take what the other side said; the result is what to say. Raises `RfbError`."""
        self._pending.put(data)
        while not self.done and (taken := self._pending.take(self._wanted)) is not None:
            self._go_on(taken)
        answer, self._answer = bytes(self._answer), bytearray()
        return answer

    def rest(self) -> bytes:
        """What came in behind the handshake."""
        return self._pending.rest()

    def _go_on(self, taken: bytes) -> None:
        try:
            self._wanted = self._running.send(taken)
        except StopIteration:
            self.done = True

    def _say(self, data: bytes) -> None:
        self._answer += data

    @abstractmethod
    def _steps(self) -> Steps:
        """What is said and waited for, in its order."""


class ToBrowser(Handshake):
    """The host as the server of a browser, up to its ClientInit. Version 3.8, no authentication."""

    def _steps(self) -> Steps:
        self._say(VERSION)
        if (yield len(VERSION)) != VERSION:
            raise RfbError("only RFB 3.8 is spoken here")
        self._say(bytes((1, NONE)))
        if (yield 1) != bytes((NONE,)):
            raise RfbError("a security type that was not offered")
        self._say(struct.pack(">I", 0))
        yield 1  # ClientInit; whether to share is not the browser's choice


class ToServer(Handshake):
    """The host as the client of a VNC server, up to its own ClientInit; ServerInit comes next."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        super().__init__()

    def _steps(self) -> Steps:
        minor = _minor((yield len(VERSION)))
        self._say(b"RFB 003.%03d\n" % minor)
        chosen = yield from (self._dictated() if minor == 3 else self._chosen())
        if chosen == VNC:
            self._say(security.vnc_response((yield security.CHALLENGE), self._credentials.password))
        elif chosen == APPLE:
            head = yield 4
            offer = head + (yield security.apple_length(head) - len(head))
            self._say(security.apple_response(offer, self._credentials))
        if chosen != NONE or minor == 8:
            yield from self._result(minor)
        self._say(SHARED)

    def _dictated(self) -> Generator[int, bytes, int]:
        """Version 3.3: the server says which it is."""
        chosen: int = struct.unpack(">I", (yield 4))[0]
        if chosen not in (NONE, VNC):
            yield from self._refused("the screen refuses the connection" if chosen == 0 else "")
            raise RfbError(f"the screen wants security type {chosen}, which is not known here")
        return chosen

    def _chosen(self) -> Generator[int, bytes, int]:
        count = (yield 1)[0]
        if count == 0:
            yield from self._refused("the screen refuses the connection")
        offered = yield count
        for known in _CHOICE:
            if known in offered:
                self._say(bytes((known,)))
                return known
        names = ", ".join(map(str, offered))
        raise RfbError(f"the screen offers the security types {names}, none of which is known here")

    def _result(self, minor: int) -> Steps:
        if struct.unpack(">I", (yield 4))[0] == 0:
            return
        if minor == 8:
            yield from self._refused("the screen refuses the host's credentials")
        raise RfbError("the screen refuses the host's credentials")

    def _refused(self, what: str) -> Steps:
        """Reads the server's reason and raises it."""
        if not what:
            return
        length: int = struct.unpack(">I", (yield 4))[0]
        reason = (yield length) if 0 < length <= _MAX_REASON else b""
        raise RfbError(f"{what}: {reason.decode(errors='replace')}" if reason else what)


def _minor(version: bytes) -> int:
    """The version to speak with this server: 3, 7 or 8 (others of 3.x count as the nearest below)."""
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) != 3 or int(match[2]) < 3:
        raise RfbError("what answers there is no VNC server")
    return max(known for known in (3, 7, 8) if known <= int(match[2]))
