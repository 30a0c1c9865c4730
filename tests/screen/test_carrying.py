"""The relay process: many at once, who reads slowly, who is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Thread

import pytest

from tests.bench.relay.measures import family, memory
from tests.broker.hive import Hive, until
from tests.screen.desktop import Desktop
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer, request

pytestmark = pytest.mark.slow
GREETING = b"RFB 003.008\n", b"\x01\x01", b"\0\0\0\0"
DESKTOP = struct.pack(">HH16xI", 640, 400, 4) + b"pour"


class Pouring:
    """A server that sends without end once it is asked, and counts what was taken."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self.poured: list[int] = []
        self._open: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connected)
            self.poured.append(0)
            Thread(target=self._serve, args=(connected, len(self.poured) - 1), daemon=True).start()

    def _serve(self, connected: socket.socket, number: int) -> None:
        try:
            for said in GREETING:
                connected.sendall(said)
                connected.recv(64)
            connected.sendall(DESKTOP)
            while len(connected.recv(64)) > 1:
                for _ in range(4096):
                    self.poured[number] += connected.send(bytes(65536))
        except OSError:
            return

    def close(self) -> None:
        self._listener.close()
        for each in self._open:
            each.close()


@pytest.fixture
def pouring(hive: Hive, name: str) -> Iterator[Pouring]:
    server = Pouring(hive.paths.vnc_socket(name))
    yield server
    server.close()


def relay_of(hive: Hive) -> int:
    """The process that carries."""
    for pid in family(hive.pid):
        if b"hiveproject.screens.relay" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no relay runs")


async def stands_still(server: Pouring) -> int:
    """How much was taken, once nothing more is."""
    before = -1
    while (now := sum(server.poured)) != before:
        before = now
        await asyncio.sleep(1)
    return now


async def test_who_reads_nothing_stops_the_server_and_costs_no_memory(
    ada: Operator, name: str, hive: Hive, pouring: Pouring
) -> None:
    async with ada.watching(name) as viewer:
        before = memory(hive.pid)
        viewer.socket.transport.pause_reading()
        await viewer.say(request(640, 400))
        taken = await stands_still(pouring)
        assert 0 < taken < 32e6
        assert memory(hive.pid) - before < 4e6


async def test_sixty_four_at_once_cost_no_memory(ada: Operator, name: str, hive: Hive, pouring: Pouring) -> None:
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(ada.watching(name)) for _ in range(64)]
        before = memory(hive.pid)
        for viewer in viewers:
            viewer.socket.transport.pause_reading()
            await viewer.say(request(640, 400))
        await stands_still(pouring)
        assert all(pouring.poured)
        assert memory(hive.pid) - before < 64 * 0.3e6


async def test_the_plain_way_stops_the_server_too(ada: Operator, name: str, hive: Hive, pouring: Pouring) -> None:
    async with ada.open(name, ada.ticket(name, record="1")) as opened:
        viewer = Viewer(opened)
        await viewer.greet()
        before = memory(hive.pid)
        opened.transport.pause_reading()
        await viewer.say(request(640, 400))
        assert 0 < await stands_still(pouring) < 32e6
        assert memory(hive.pid) - before < 8e6


async def test_a_killed_relay_ends_its_screens_and_the_next_one_opens(
    ada: Operator, name: str, shown: Desktop, hive: Hive
) -> None:
    async with ada.watching(name) as viewer:
        await viewer.picture()
        killed = relay_of(hive)
        os.kill(killed, signal.SIGKILL)
        assert (await viewer.closed())[0] != 1000
    async with ada.watching(name) as viewer:
        await viewer.picture()
        assert relay_of(hive) != killed


async def test_nothing_is_left_of_a_closed_screen(ada: Operator, name: str, hive: Hive, shown: Desktop) -> None:
    async with ada.watching(name) as viewer:
        await viewer.picture()
        relay = relay_of(hive)
    idle = len(os.listdir(f"/proc/{relay}/fd"))
    for _ in range(5):
        async with ada.watching(name) as viewer:
            await viewer.picture()
    await asyncio.to_thread(until, lambda: len(os.listdir(f"/proc/{relay}/fd")) <= idle, 30, "descriptors to be closed")


async def test_a_web_process_that_is_killed_takes_its_relay_along(own: Hive) -> None:
    bea = Operator(own, "bea")
    own.add("x1")
    server = Pouring(own.paths.vnc_socket("x1"))
    async with bea.watching("x1"):
        relay = relay_of(own)
        own.kill(signal.SIGKILL)
        await asyncio.to_thread(until, lambda: not Path(f"/proc/{relay}").exists(), 30, "the relay to end")
    server.close()


@pytest.fixture
def own(template: object) -> Iterator[Hive]:
    hive = Hive(template)  # type: ignore[arg-type]
    hive.start()
    yield hive
    hive.close()
