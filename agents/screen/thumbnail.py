"""A small picture of a screen: one full update, sampled while it is read, so that its size costs no memory.

The server is the agent's and may say anything: its picture has a limit, and so has the time it may take.
"""

from __future__ import annotations

import socket
import struct
import time
import zlib

from agents.screen.handshakes import ToServer
from agents.screen.rfb import RfbError
from agents.screen.security import Credentials

SECONDS = 3.0
WIDTH = 320
_MAX_PIXELS = 32 * 1024 * 1024
_MAX_NAME = 4096
_RGBX = struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
_RAW_ONLY = struct.pack(">BxHi", 2, 1, 0)
_UPDATE, _BELL, _CUT_TEXT = 0, 2, 3


class Reader:
    """Exactly so many bytes from a socket, before a deadline. Raises `RfbError`."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self._socket, self._deadline = connected, time.monotonic() + seconds
        self._pending = b""

    def some(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending or self._receive()

    def put_back(self, data: bytes) -> None:
        self._pending = data + self._pending

    def exactly(self, count: int) -> bytes:
        pieces, have = [], 0
        while have < count:
            piece = self.some()
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self.put_back(data[count:])
        return data[:count]

    def skip(self, count: int) -> None:
        for at in range(0, count, 1 << 16):
            self.exactly(min(1 << 16, count - at))

    def _receive(self) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise RfbError("the screen takes too long to draw")
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(1 << 18)
        except OSError as error:
            raise RfbError("the screen takes too long to draw") from error
        if not data:
            raise RfbError("the screen hung up")
        return data


def picture(
    connected: socket.socket, credentials: Credentials, *, width: int = WIDTH, seconds: float = SECONDS
) -> bytes:
    """A PNG at most `width` pixels wide. Raises `RfbError`; the socket is closed."""
    with connected:
        reader = Reader(connected, seconds)
        try:
            return _drawn(connected, reader, credentials, width)
        except OSError as error:
            raise RfbError(f"the screen was lost: {error.strerror or error}") from error


def _drawn(connected: socket.socket, reader: Reader, credentials: Credentials, width: int) -> bytes:
    connected.settimeout(SECONDS)
    handshake = ToServer(credentials)
    while not handshake.done:
        connected.sendall(handshake.feed(reader.some()))
    reader.put_back(handshake.rest())
    across, down = struct.unpack(">HH", reader.exactly(4))
    if not 0 < across * down <= _MAX_PIXELS:
        raise RfbError(f"the screen says it is {across} by {down}")
    name_length = int.from_bytes(reader.exactly(20)[16:], "big")
    if name_length > _MAX_NAME:
        raise RfbError("the screen has a name that is too long")
    reader.exactly(name_length)
    connected.sendall(_RGBX + _RAW_ONLY + struct.pack(">BBHHHH", 3, 0, 0, 0, across, down))
    canvas = Canvas(across, down, -(-across // width))
    while not canvas.is_whole:
        _message(reader, canvas)
    return canvas.png()


def _message(reader: Reader, canvas: Canvas) -> None:
    kind = reader.exactly(1)[0]
    if kind == _UPDATE:
        for _ in range(int.from_bytes(reader.exactly(3)[1:], "big")):
            x, y, width, height, encoding = struct.unpack(">HHHHi", reader.exactly(12))
            if encoding != 0:
                raise RfbError("the screen draws in a way that was not asked for")
            for row in range(height):
                canvas.put(x, y + row, reader.exactly(width * 4))
    elif kind == _CUT_TEXT:
        reader.skip(int.from_bytes(reader.exactly(7)[3:], "big") & 0xFFFFF)
    elif kind != _BELL:
        raise RfbError(f"the screen said {kind}, which was not asked for")


class Canvas:
    """Every `step`th pixel of every `step`th row."""

    def __init__(self, width: int, height: int, step: int) -> None:
        self._step, self._width, self._height = step, width, height
        self.width, self.height = -(-width // step), -(-height // step)
        self._rows = [bytearray(self.width * 3) for _ in range(self.height)]
        self._missing = width * height

    @property
    def is_whole(self) -> bool:
        return self._missing <= 0

    def put(self, x: int, y: int, pixels: bytes) -> None:
        """A piece of a row, four bytes a pixel."""
        count = len(pixels) // 4
        if x + count > self._width or y >= self._height:
            raise RfbError("the screen draws beyond its edge")
        self._missing -= count
        if y % self._step == 0 and count:
            first = -x % self._step
            at = (x + first) // self._step
            row = self._rows[y // self._step]
            for colour in range(3):
                sampled = pixels[first * 4 + colour :: self._step * 4]
                row[at * 3 + colour : (at + len(sampled)) * 3 : 3] = sampled

    def png(self) -> bytes:
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        data = zlib.compress(b"".join(b"\0" + row for row in self._rows), 6)
        chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
