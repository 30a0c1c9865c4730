"""A hand-written RFB client on a websocket: says whatever a test wants said."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

SECONDS = 30.0


class Viewer:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._pending = b""
        self.size = (0, 0)
        self.name = ""

    async def exactly(self, count: int) -> bytes:
        async with asyncio.timeout(SECONDS):
            while len(self._pending) < count:
                data = await self.socket.recv()
                assert isinstance(data, bytes)
                self._pending += data
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken

    async def say(self, data: bytes) -> None:
        await self.socket.send(data)

    async def greet(self) -> None:
        """Through the handshake, up to the desktop's size and name."""
        assert await self.exactly(12) == b"RFB 003.008\n"
        await self.say(b"RFB 003.008\n")
        count = (await self.exactly(1))[0]
        assert await self.exactly(count) == b"\x01"
        await self.say(b"\x01")
        assert await self.exactly(4) == b"\0\0\0\0"
        await self.say(b"\x01")
        head = await self.exactly(24)
        self.size = struct.unpack(">HH", head[:4])
        self.name = (await self.exactly(int.from_bytes(head[20:], "big"))).decode()
        await self.say(encodings(0))

    async def picture(self, *, incremental: bool = False) -> bytes:
        """All pixels, four bytes each, from one full update in raw encoding."""
        width, height = self.size
        await self.say(request(width, height, incremental=incremental))
        pixels = bytearray(width * height * 4)
        filled = 0
        while filled < width * height:
            kind = (await self.exactly(1))[0]
            if kind != 0:
                await self._other(kind)
                continue
            (count,) = struct.unpack(">xH", await self.exactly(3))
            for _ in range(count):
                filled += await self._rectangle(pixels)
        return bytes(pixels)

    async def _rectangle(self, pixels: bytearray) -> int:
        x, y, width, height, encoding = struct.unpack(">HHHHi", await self.exactly(12))
        assert encoding == 0
        data = await self.exactly(width * height * 4)
        for row in range(height):
            at = ((y + row) * self.size[0] + x) * 4
            pixels[at : at + width * 4] = data[row * width * 4 : (row + 1) * width * 4]
        return int(width * height)

    async def _other(self, kind: int) -> None:
        if kind == 3:
            (length,) = struct.unpack(">3xI", await self.exactly(7))
            await self.exactly(length)
        else:
            assert kind == 2, f"server message {kind}"

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the end."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(SECONDS):
                async for _ in self.socket:
                    pass
        return self.socket.close_code or 0, self.socket.close_reason or ""


def encodings(*codes: int) -> bytes:
    return struct.pack(f">BxH{len(codes)}i", 2, len(codes), *codes)


def request(width: int, height: int, *, incremental: bool = False) -> bytes:
    return struct.pack(">BBHHHH", 3, incremental, 0, 0, width, height)


def key(symbol: int, *, down: bool) -> bytes:
    return struct.pack(">BBxxI", 4, down, symbol)


def typed(text: str) -> bytes:
    return b"".join(key(ord(one), down=True) + key(ord(one), down=False) for one in text)


def pointer(x: int, y: int, mask: int = 0) -> bytes:
    return struct.pack(">BBHH", 5, mask, x, y)


def cut_text(text: bytes) -> bytes:
    return struct.pack(">B3xI", 6, len(text)) + text


def close_of(error: Any) -> int:
    """The HTTP status with which a handshake was refused."""
    return int(error.response.status_code)
