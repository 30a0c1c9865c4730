"""The measuring client: raw sockets, so that what is measured is the relay."""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from collections.abc import Sequence

from tests.bench.relay.server import SERVER_INIT

_BUFFER = bytearray(1024 * 1024)
SECONDS = 120.0


class Client:
    """One session through a relay, greeted; `upgrade` is its HTTP request where it is a websocket."""

    def __init__(self, port: int, upgrade: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._framed, self._pending, self._payload = bool(upgrade), b"", b""
        if upgrade:
            self.socket.sendall(upgrade.encode())
            while b"\r\n\r\n" not in self._pending:
                self._pending += self._received()
            head, _, self._pending = self._pending.partition(b"\r\n\r\n")
            assert b" 101 " in head.split(b"\r\n", 1)[0], head
        self._greet()
        self.answer_size = 3 if self._framed else 1

    def ask(self, width: int) -> None:
        self.say(struct.pack(">BBHHHH", 3, 0, 0, 0, width, 1))

    def say(self, data: bytes) -> None:
        """A frame with a mask of zeros, which changes nothing."""
        self.socket.sendall(bytes((0x82, 0x80 | len(data))) + bytes(4) + data if self._framed else data)

    def exactly(self, count: int) -> bytes:
        while len(self._payload) < count:
            self._unpack(self._received())
        taken, self._payload = self._payload[:count], self._payload[count:]
        return taken

    def _received(self) -> bytes:
        data = self.socket.recv(65536)
        assert data, "the relay hung up"
        return data

    def _unpack(self, data: bytes) -> None:
        if not self._framed:
            self._payload += data
            return
        self._pending += data
        while len(self._pending) >= 2:
            size, start = self._pending[1], 2
            if size == 126:
                size, start = int.from_bytes(self._pending[2:4], "big"), 4
            if len(self._pending) < start + size:
                return
            self._payload += self._pending[start : start + size]
            self._pending = self._pending[start + size :]

    def _greet(self) -> None:
        early, self._pending = self._pending, b""
        self._unpack(early)
        assert self.exactly(12) == b"RFB 003.008\n"
        self.say(b"RFB 003.008\n")
        self.exactly(2)
        self.say(b"\x01")
        self.exactly(4)
        self.say(b"\x01")
        self.exactly(len(SERVER_INIT))

    def close(self) -> None:
        self.socket.close()


def download(client: Client, mebibytes: int) -> float:
    """Seconds until so many MiB have come."""
    client.ask(mebibytes)
    wanted, begun = mebibytes * 1024 * 1024, time.perf_counter()
    while wanted > 0:
        count = client.socket.recv_into(_BUFFER)
        assert count, "the relay hung up"
        wanted -= count
    return time.perf_counter() - begun


def round_trips(client: Client, count: int) -> list[float]:
    """Seconds of each."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        client.ask(1)
        missing = client.answer_size
        while missing > 0:
            missing -= len(client.socket.recv(16))
        found.append(time.perf_counter() - begun)
    return found


def busy_round_trips(clients: Sequence[Client], seconds: float) -> list[float]:
    """Everybody asks again as soon as it is answered; seconds of each round trip."""
    poller, by_fd = select.epoll(), {client.socket.fileno(): client for client in clients}
    begun: dict[int, float] = {}
    found: list[float] = []
    for fd, client in by_fd.items():
        poller.register(fd, select.EPOLLIN)
        begun[fd] = time.perf_counter()
        client.ask(1)
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        for fd, _ in poller.poll(1):
            by_fd[fd].socket.recv(16)
            found.append(time.perf_counter() - begun[fd])
            begun[fd] = time.perf_counter()
            by_fd[fd].ask(1)
    assert found, f"no answer in {seconds} s from {now}"
    return found


def upgrade(path: str, port: int, **headers: str) -> str:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
