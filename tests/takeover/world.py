"""A running server of `tests.takeover.server`, and a client that can say anything."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import sys
import urllib.request
from pathlib import Path
from typing import Any

from agents import command
from tests.broker.hive import REPOSITORY, free_port, until

SECONDS = 30.0


class World:
    def __init__(self, folder: Path, ping: float = 20, lost: float = 30, certificate: Path | None = None) -> None:
        self.port, self.path = free_port(), str(folder / "u.sock")
        env = command.clean_environment(PYTHONPATH=str(REPOSITORY), PYTHONUNBUFFERED="1")
        argv = [sys.executable, "-m", "tests.takeover.server", str(self.port), self.path, str(ping), str(lost)]
        self.tls_port = free_port()
        argv += [str(self.tls_port), str(certificate)] if certificate else []
        self._log = (folder / "server.log").open("ab")
        self.process: Any = command.start(argv, env=env, stdout=self._log, stderr=self._log)
        self.log = folder / "server.log"
        until(lambda: os.path.exists(self.path) or self.process.poll() is not None, SECONDS, "the server")
        assert self.process.poll() is None, self.log.read_text()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._log.close()

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/state", timeout=SECONDS) as answer:
            return dict(json.load(answer))

    def alive(self, path: str) -> int:
        return int(self.state()["alive"].get(path, 0))

    def raw(self, path: str, *, along: bytes = b"", unix: bool = False, port: int = 0) -> Raw:
        return Raw(self.path if unix else ("127.0.0.1", port or self.port), path, along)


class Raw:
    """A websocket spoken byte by byte; `along` goes into one segment with the handshake."""

    def __init__(self, address: Any, path: str, along: bytes = b"") -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(SECONDS)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode() + along)
        self.data = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> bytes:
        """The head of the handshake's answer."""
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return head

    def frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame. Raises `EOFError` at the end."""
        while True:
            if len(self.data) >= 2:
                size, start = self.data[1] & 127, 2
                if size >= 126:
                    start = 4 if size == 126 else 10
                    size = int.from_bytes(self.data[2:start], "big") if len(self.data) >= start else 1 << 60
                if len(self.data) >= start + size:
                    opcode, payload = self.data[0] & 15, self.data[start : start + size]
                    self.data = self.data[start + size :]
                    return opcode, payload
            self._more()

    def closed_with(self) -> int:
        """The code of the close frame that comes next but for texts; then answers it and awaits the end."""
        while (frame := self.frame())[0] != 8:
            pass
        (code,) = struct.unpack_from("!H", frame[1])
        return int(code)

    def at_end(self) -> bool:
        """Wait for the server to close the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            return False
        return True

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.data += data


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A client's frame."""
    size = len(payload)
    length = size if size < 126 else 126 if size < 65536 else 127
    head = bytes(((128 if final else 0) | reserved << 4 | opcode, (128 if masked else 0) | length))
    head += b"" if size < 126 else struct.pack("!H" if size < 65536 else "!Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
