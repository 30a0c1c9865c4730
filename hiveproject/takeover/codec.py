"""The server's side of RFC 6455 between handshake and end: bytes in, messages out, and frames to be sent.

Knows no socket. Extensions are not negotiated, so reserved bits are errors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
NORMAL, PROTOCOL_ERROR, NO_STATUS, LOST, NOT_TEXT, TOO_LONG, FAILED = 1000, 1002, 1005, 1006, 1007, 1009, 1011
MAX_CONTROL = 125
_CONTINUATION = 0x0
_FINAL, _RESERVED, _OPCODE, _CONTROL, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x08, 0x80, 0x7F
_SENDABLE = frozenset(range(1000, 1015)) - {1004, NO_STATUS, LOST}


class ProtocolBroken(Exception):
    """The client broke the protocol; `code` goes into the close frame (RFC 6455, section 7.4.1).

    Frames that follow can still be told apart, unless it is `lost`.
    """

    def __init__(self, code: int, reason: str, *, lost: bool = False) -> None:
        super().__init__(reason)
        self.code, self.lost = code, lost


@dataclass(frozen=True)
class Control:
    """A ping, a pong, or a close with its code."""

    opcode: int
    payload: bytes
    code: int = NO_STATUS


class Decoder:
    """Feed it bytes, take what is whole, in any rhythm."""

    def __init__(self, max_message: int) -> None:
        self._max = max_message
        self._data, self._at = b"", 0
        self._later: list[bytes] = []
        self._missing = self._skip = 0
        self._kind = 0
        self._message = bytearray()

    @property
    def inside_message(self) -> bool:
        """Whether a fragmented message has begun."""
        return bool(self._kind)

    def feed(self, data: bytes) -> None:
        """Bytes as they came; joined only when they are enough to go on with, however small they are cut."""
        if self._skip:
            data, self._skip = data[self._skip :], max(0, self._skip - len(data))
        self._later.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._join()

    def leftover(self) -> bytes:
        """What was fed and not yet taken, as it came."""
        self._join()
        data, self._data = self._data, b""
        return data

    def take(self) -> str | bytes | Control | None:
        """The next message or control frame; None until more is fed. Raises `ProtocolBroken`."""
        while (frame := self._frame()) is not None:
            first, payload = frame
            if first == _FINAL | TEXT and not self._kind:
                return _text(payload)
            item = self._unusual(first, payload)
            if item is not None:
                return item
        return None

    def _join(self) -> None:
        self._data = b"".join((self._data[self._at :], *self._later))
        self._at, self._missing = 0, 0
        self._later.clear()

    def _frame(self) -> tuple[int, bytes] | None:
        """(first byte, unmasked payload); None while it is not whole."""
        data, at = self._data, self._at
        have = len(data) - at
        if have < 2:
            self._wait(2 - have)
            return None
        first, second = data[at], data[at + 1]
        if first & _RESERVED or not second & _MASKED or first & _OPCODE > BINARY:
            _check_head(first, second)
        size, start = second & _LENGTH, at + 2
        if size > MAX_CONTROL:
            width, form = (2, "!H") if size == 126 else (8, "!Q")
            if have < 2 + width:
                self._wait(2 + width - have)
                return None
            (size,) = struct.unpack_from(form, data, start)
            start += width
            _check_length(size, width)
        end = start + 4 + size
        if size > self._max:
            self._pass_over(end)
            raise self._too_long()
        if len(data) < end:
            self._wait(end - len(data))
            return None
        self._at = end
        return first, _unmasked(data[start + 4 : end], data[start : start + 4])

    def _too_long(self) -> ProtocolBroken:
        return ProtocolBroken(TOO_LONG, f"a message has at most {self._max} bytes")

    def _pass_over(self, end: int) -> None:
        """Go on at `end`, which may be far ahead."""
        behind = end - self._at
        self._join()
        self._at, self._skip = min(behind, len(self._data)), max(0, behind - len(self._data))

    def _wait(self, missing: int) -> None:
        self._missing = missing - sum(map(len, self._later))

    def _unusual(self, first: int, payload: bytes) -> str | bytes | Control | None:
        """Any frame but that of a text in one piece."""
        opcode = first & _OPCODE
        if opcode & _CONTROL:
            return _control(opcode, payload)
        if (opcode == _CONTINUATION) != bool(self._kind):
            raise ProtocolBroken(PROTOCOL_ERROR, "a message in another, or a continuation of none")
        self._kind = self._kind or opcode
        self._message += payload
        if len(self._message) > self._max:
            self._kind, self._message = 0, bytearray()
            raise self._too_long()
        return self._whole() if first & _FINAL else None

    def _whole(self) -> str | bytes:
        kind, message = self._kind, bytes(self._message)
        self._kind, self._message = 0, bytearray()
        return _text(message) if kind == TEXT else message


def encoded(opcode: int, payload: bytes) -> tuple[bytes, bytes]:
    """A frame of the server: header and payload, to be written one after the other."""
    size = len(payload)
    if size <= MAX_CONTROL:
        return bytes((_FINAL | opcode, size)), payload
    if size < 1 << 16:
        return struct.pack("!BBH", _FINAL | opcode, 126, size), payload
    return struct.pack("!BBQ", _FINAL | opcode, 127, size), payload


def close_payload(code: int, reason: str = "") -> bytes:
    """For a close frame; a reason that is too long is cut between two characters."""
    return struct.pack("!H", code) + reason.encode()[: MAX_CONTROL - 2].decode(errors="ignore").encode()


def _check_head(first: int, second: int) -> None:
    opcode = first & _OPCODE
    if first & _RESERVED:
        raise ProtocolBroken(PROTOCOL_ERROR, "a reserved bit is set", lost=True)
    if opcode not in (_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise ProtocolBroken(PROTOCOL_ERROR, f"there is no opcode {opcode}", lost=True)
    if not second & _MASKED:
        raise ProtocolBroken(PROTOCOL_ERROR, "a frame of a client is masked", lost=True)
    if opcode & _CONTROL and (not first & _FINAL or second & _LENGTH > MAX_CONTROL):
        raise ProtocolBroken(PROTOCOL_ERROR, "a control frame is short and in one piece", lost=True)


def _check_length(size: int, width: int) -> None:
    if size < (126 if width == 2 else 1 << 16) or size >> 63:
        raise ProtocolBroken(PROTOCOL_ERROR, "a length is written as short as it can be", lost=True)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    if not size:
        return b""
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise ProtocolBroken(NOT_TEXT, "a text is not UTF-8") from error


def _control(opcode: int, payload: bytes) -> Control:
    if opcode != CLOSE or not payload:
        return Control(opcode, payload)
    if len(payload) == 1:
        raise ProtocolBroken(PROTOCOL_ERROR, "half a close code")
    (code,) = struct.unpack_from("!H", payload)
    if code not in _SENDABLE and not 3000 <= code < 5000:
        raise ProtocolBroken(PROTOCOL_ERROR, f"{code} is no close code to be sent")
    _text(payload[2:])
    return Control(opcode, payload, code)
