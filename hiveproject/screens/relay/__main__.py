"""`python -m hiveproject.screens.relay FD`: carries screens until whoever holds the other end of FD has ended."""

from __future__ import annotations

import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from hiveproject.screens.relay import packets
from hiveproject.screens.relay.carriage import Carriage

_TICK = 1.0


class Relay:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.setblocking(False)
        self.poller = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {channel.fileno(): self._told}
        self.poller.register(channel.fileno(), select.EPOLLIN)
        self._carried: dict[int, Carriage] = {}
        self._untold: list[dict[str, Any]] = []
        self._is_alone = False

    def run(self) -> None:
        then = time.monotonic()
        while not self._is_alone:
            for fd, events in self.poller.poll(_TICK):
                if (handler := self.handlers.get(fd)) is not None:  # an earlier one may have ended it
                    handler(events)
            if (now := time.monotonic()) - then >= _TICK:
                then = now
                self._look(now)

    def _look(self, now: float) -> None:
        for number, carried in list(self._carried.items()):
            carried.check(now)
            if carried.used:
                carried.used = False
                self._tell({"used": number})
        self._tell()

    def _told(self, _: int) -> None:
        with suppress(BlockingIOError):
            while (received := packets.receive(self._channel)) is not None:
                self._obey(*received)
            self._is_alone = True

    def _obey(self, packet: dict[str, Any], descriptors: list[int]) -> None:
        number = int(packet["screen"])
        if descriptors:
            self._open(number, packet, descriptors)
        elif (carried := self._carried.get(number)) is not None:
            if "drive" in packet:
                carried.drive(packet["drive"])
            if "close" in packet:
                carried.close(*packet["close"])

    def _open(self, number: int, packet: dict[str, Any], descriptors: list[int]) -> None:
        server, browser = (socket.socket(fileno=fd) for fd in descriptors)
        for each in (server, browser):
            each.setblocking(False)
        browser.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        carried = self._carried[number] = Carriage(self, server, browser, partial(self._ended, number))
        carried.drive(packet["drive"])
        carried.begin(*(packets.raw(packet, key) for key in ("rest", "early", "leftover")))

    def _ended(self, number: int, code: int, reason: str) -> None:
        self._carried.pop(number, None)
        self._tell({"over": number, "code": code, "reason": reason})

    def _tell(self, *packet: dict[str, Any]) -> None:
        """In order; what the web process has no time to read now is told later."""
        self._untold += packet
        with suppress(BlockingIOError, BrokenPipeError):
            while self._untold:
                packets.send(self._channel, self._untold[0])
                del self._untold[0]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the web process's to see
    Relay(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
