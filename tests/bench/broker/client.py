"""A client of the agents' websocket in as few steps as Python allows: an asyncio protocol, frames in bulk.

Agents' own harnesses are no faster than they need to be; here the broker is to be measured, not its client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from typing import Any, cast

_MASK = b"\x5a\xa5\x3c\xc3"


class Client(asyncio.Protocol):
    """`on_messages` gets what is pushed, as it comes; `send` waits for its result."""

    _transport: asyncio.WriteTransport

    def __init__(self, on_messages: Callable[[Client, list[dict[str, Any]]], None] | None = None) -> None:
        self._on_messages = on_messages
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._open = False
        self._head: asyncio.Future[bytes] = self._loop.create_future()
        self._welcome: asyncio.Future[None] = self._loop.create_future()
        self._calls: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0

    @classmethod
    async def connect(cls, path: str, token: str, window: int = 1, on_messages: Any = None) -> Client:
        client = cls(on_messages)
        await client._loop.create_unix_connection(lambda: client, path)
        key = base64.b64encode(os.urandom(16)).decode()
        client._transport.write(
            f"GET /ws/agent HTTP/1.1\r\nHost: hive\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await client._head
        if b" 101 " not in head:
            raise ConnectionError(head.decode(errors="replace"))
        client.say(type="hello", version=1, harness="bench", driver="bench", window=window)
        await client._welcome
        return client

    def say(self, **frame: Any) -> None:
        self._transport.write(masked(json.dumps(frame).encode()))

    def turn(self, turn: str, idents: list[int]) -> None:
        """Begin and end a turn with these messages, in one write: they are acknowledged."""
        begun = {"type": "turn_started", "turn": turn, "messages": idents}
        ended = {"type": "turn_ended", "turn": turn, "outcome": "ok"}
        self._transport.write(masked(json.dumps(begun).encode()) + masked(json.dumps(ended).encode()))

    async def send(self, to: str, body: str) -> None:
        self._number += 1
        ident = str(self._number)
        future = self._calls[ident] = self._loop.create_future()
        self.say(type="call", id=ident, tool="send", args={"to": to, "body": body})
        result = await future
        if not result["ok"]:
            raise RuntimeError(result["error"])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        waiting: list[asyncio.Future[Any]] = [*self._calls.values(), self._head, self._welcome]
        for future in waiting:
            if not future.done():
                future.set_exception(exc or ConnectionError("closed"))
                future.exception()

    def data_received(self, data: bytes) -> None:
        data = self._data + data if self._data else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._data = head
                return
            self._open = True
            self._head.set_result(head)
        self._frames(data)

    def _frames(self, data: bytes) -> None:
        at, total, pushed = 0, len(data), []
        while total - at >= 2:
            size, start = data[at + 1], at + 2
            if size > 125:
                width, form = (2, "!H") if size == 126 else (8, "!Q")
                if total < start + width:
                    break
                (size,) = struct.unpack_from(form, data, start)
                start += width
            if total < start + size:
                break
            if data[at] == 0x81:
                frame = json.loads(data[start : start + size])
                if frame["type"] == "message":
                    pushed.append(frame)
                else:
                    self._answer(frame)
            at = start + size
        self._data = data[at:]
        if pushed and self._on_messages is not None:
            self._on_messages(self, pushed)

    def _answer(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "result":
            self._calls.pop(frame["id"]).set_result(frame)
        elif frame["type"] == "welcome":
            self._welcome.set_result(None)
        else:
            raise RuntimeError(str(frame))


def masked(payload: bytes) -> bytes:
    """A text frame of a client."""
    size = len(payload)
    if size < 126:
        head = bytes((0x81, 0x80 | size))
    elif size < 65536:
        head = struct.pack("!BBH", 0x81, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x81, 0xFF, size)
    key = (_MASK * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
    return head + _MASK + body
