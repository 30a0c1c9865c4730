"""The relay process as the web process sees it: started when the first screen is opened, and again after its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import hiveproject
from agents import command
from agents.command import CommandFailed
from hiveproject.screens import codes
from hiveproject.screens.relay import packets

logger = logging.getLogger(__name__)


class Carried:
    """One screen in the relay; `ended` becomes (close code, reason)."""

    def __init__(self, relay: RelayProcess, number: int) -> None:
        self._relay, self.number = relay, number
        self.ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.used_at = 0.0

    def drive(self, seconds: float) -> None:
        self._relay.tell({"screen": self.number, "drive": seconds})

    def close(self, code: int, reason: str) -> None:
        self._relay.tell({"screen": self.number, "close": [code, reason]})

    def end(self, code: int, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result((code, reason))


class RelayProcess:
    """Raises `CommandFailed` when it cannot be started."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "hiveproject.screens.relay", str(theirs.fileno())]
            environment = command.clean_environment(PYTHONPATH=str(Path(hiveproject.__file__).parent.parent))
            self._process = command.start(words, env=environment, pass_fds=(theirs.fileno(),))
        self._channel.setblocking(False)
        self._numbers = count(1)
        self._carried: dict[int, Carried] = {}
        self._untold: list[dict[str, Any]] = []
        self.is_over = False
        self._loop.add_reader(self._channel, self._read)

    @property
    def pid(self) -> int:
        return self._process.pid

    def carry(self, server: int, browser: int, seconds: float, **waiting: bytes) -> Carried:
        """Hand over both sockets (the caller closes its own) with what waits: `rest`, `early`, `leftover`.

        Raises `ConnectionError` when the relay has ended or has no time.
        """
        carried = Carried(self, next(self._numbers))
        try:
            if self._untold or self.is_over:
                raise BlockingIOError
            packets.send(self._channel, {"screen": carried.number, "drive": seconds, **waiting}, (server, browser))
        except OSError as error:
            raise ConnectionError("the relay takes no screen now") from error
        self._carried[carried.number] = carried
        return carried

    def tell(self, packet: dict[str, Any]) -> None:
        """In order, and never lost while the relay lives: taking away the control is told so."""
        if not self.is_over:
            self._untold.append(packet)
            self._flush()

    def stop(self) -> None:
        self._over()

    def _flush(self) -> None:
        try:
            while self._untold:
                packets.send(self._channel, self._untold[0])
                del self._untold[0]
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._flush)
            return
        except OSError:
            self._over()
            return
        self._loop.remove_writer(self._channel)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            try:
                while (received := packets.receive(self._channel)) is not None:
                    self._hear(received[0])
            except ConnectionError:
                pass
            if not self.is_over:
                logger.error("the relay of screens has ended: screens are opened anew")
            self._over()

    def _hear(self, packet: dict[str, Any]) -> None:
        if "used" in packet and (carried := self._carried.get(packet["used"])) is not None:
            carried.used_at = self._loop.time()
        elif "over" in packet and (carried := self._carried.pop(packet["over"], None)) is not None:
            carried.end(packet["code"], packet["reason"])

    def _over(self) -> None:
        """Its end of every socket is closed with it."""
        if self.is_over:
            return
        self.is_over = True
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        for carried in self._carried.values():
            carried.end(codes.LOST, "the relay has ended")
        self._carried.clear()
        self._loop.run_in_executor(None, self._process.wait)


_current: list[RelayProcess] = []


def current() -> RelayProcess | None:
    """The relay of this web process; None where none can be started."""
    if not _current or _current[0].is_over:
        try:
            _current[:] = [RelayProcess()]
        except CommandFailed as error:
            logger.error("no relay for screens: %s", error)
            return None
    return _current[0]


def stop() -> None:
    """With the web process."""
    for relay in _current:
        relay.stop()
    _current.clear()
