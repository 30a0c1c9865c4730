"""What a browser says to the screen, message by message: what may pass, what is dropped, what ends the session.

A viewer may say how it wants to see (pixel format, encodings, which updates, fences). Whatever acts on the desktop
passes only while the session drives: keys, pointer, clipboard, size and power, with their extensions. Both sides must
agree on where a message ends, or a viewer could hide a key in what the host takes for a fence: encodings that are not
known (one of them lengthens pointer events) are struck from the client's list, unknown messages end the session.
"""

from __future__ import annotations

import struct

from agents.screen.rfb import Pending, RfbError

MAX_CUT_TEXT = 256 * 1024
_MAX_ENCODINGS = 256
_MAX_SCREENS = 16
_MAX_FENCE = 64
_MAX_HELD = 64
_HEAD = 12
"""As many bytes as tell the length of every message."""

PIXEL_FORMAT, ENCODINGS, UPDATE_REQUEST, KEY, POINTER, CUT_TEXT = 0, 2, 3, 4, 5, 6
CONTINUOUS_UPDATES, FENCE, POWER, DESKTOP_SIZE, QEMU = 150, 248, 250, 251, 255
_ACTS = frozenset([KEY, POINTER, CUT_TEXT, POWER, DESKTOP_SIZE, QEMU])

_CLIPBOARD_ABILITIES = 1 << 24
_QEMU_KEY = 0

# Signed, as rfbproto writes them. None of these changes the length of a message that a client sends.
_ENCODINGS = frozenset(
    [
        *(0, 1, 2, 5, 6, 7, 15, 16, 21, 50, -260),  # pictures
        *range(-32, -22),  # quality
        *range(-256, -246),  # compression
        *(-223, -224, -307, -308),  # size and name
        *(-239, -240, 0x574D5664),  # cursors
        *(-258, -261, -309, -312, -313),  # QEMU keys and lights, xvp, fence, continuous updates
        0xC0A1E5CE - (1 << 32),  # extended clipboard
    ]
)


class ClientMessages:
    """Reads the client's side of one session after its ClientInit."""

    def __init__(self) -> None:
        self._pending = Pending()
        self._keys: dict[int, bytes] = {}
        self._pointer = b""
        self._abilities = b""
        self.acted = False
        """Whether something that acts on the desktop has passed; whoever has seen it resets it."""

    def feed(self, data: bytes | memoryview, *, driving: bool) -> bytes:
        """What of it goes on to the server. Raises `RfbError` for what is malformed, too long or not known."""
        if not self._pending and data and _FIXED.get(data[0]) == len(data) and data[0] not in _ACTS:
            return bytes(data)  # one whole message, as browsers send them
        self._pending.put(data)
        passing = bytearray()
        while (message := self._next()) is not None:
            if message[0] not in _ACTS:
                passing += _filtered(message)
            elif driving:
                self.acted = True
                passing += self._acted(message)
            else:
                self._remember(message)
        return bytes(passing)

    def release(self) -> bytes:
        """Lets go of every key and button that is still held: for when the control ends before they do."""
        pointer = self._pointer and self._pointer[:1] + b"\0" + self._pointer[2:]
        released = b"".join(self._keys.values()) + pointer
        self._keys, self._pointer = {}, b""
        return released

    def _next(self) -> bytes | None:
        head = self._pending.peek(min(_HEAD, len(self._pending)))
        length = _length(head) if head else None
        return None if length is None else self._pending.take(length)

    def _acted(self, message: bytes) -> bytes:
        said, self._abilities = self._abilities, b""
        if message[0] == POINTER:
            self._pointer = message if message[1] else b""
        elif message[0] == KEY:
            self._note(int.from_bytes(message[4:8], "big"), message[1] != 0, message[:1] + b"\0" + message[2:])
        elif message[0] == QEMU:
            self._note(-int.from_bytes(message[8:12], "big"), any(message[2:4]), message[:2] + b"\0\0" + message[4:])
        return said + message

    def _note(self, key: int, down: bool, release: bytes) -> None:
        if not down:
            self._keys.pop(key, None)
        elif len(self._keys) < _MAX_HELD:
            self._keys[key] = release

    def _remember(self, message: bytes) -> None:
        """A client tells what its clipboard can do only once: it must not be lost because it was only looking then."""
        if message[0] == CUT_TEXT and message[4] & 0x80 and len(message) <= _HEAD + 4 * 32:
            (flags,) = struct.unpack(">I", message[8:12])
            self._abilities = message if flags & _CLIPBOARD_ABILITIES else self._abilities


_FIXED = {PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, KEY: 8, POINTER: 6, CONTINUOUS_UPDATES: 10, POWER: 4}


def _length(head: bytes) -> int | None:
    """Length of the message that begins so; None while that cannot be told. Raises `RfbError`."""
    kind = head[0]
    if kind in _FIXED:
        return _FIXED[kind]
    if kind not in _COUNTED:
        raise RfbError(f"message {kind} is not known here")
    offset, size, measure = _COUNTED[kind]
    if len(head) < offset + size:
        return None
    return measure(int.from_bytes(head[offset : offset + size], "big"))


def _encodings_length(count: int) -> int:
    return 4 + 4 * _capped("encodings", count, _MAX_ENCODINGS)


def _cut_text_length(count: int) -> int:
    """A negative length marks the extended clipboard."""
    length = (1 << 32) - count if count & 1 << 31 else count
    if count & 1 << 31 and length < 4:
        raise RfbError("an extended clipboard message without its flags")
    return 8 + _capped("bytes of clipboard", length, MAX_CUT_TEXT)


def _fence_length(count: int) -> int:
    return 9 + _capped("bytes in a fence", count, _MAX_FENCE)


def _desktop_length(count: int) -> int:
    return 8 + 16 * _capped("screens", count, _MAX_SCREENS)


def _qemu_length(kind: int) -> int:
    if kind != _QEMU_KEY:
        raise RfbError(f"QEMU message {kind} is not known here")
    return 12


_COUNTED = {
    ENCODINGS: (2, 2, _encodings_length),
    CUT_TEXT: (4, 4, _cut_text_length),
    FENCE: (8, 1, _fence_length),
    DESKTOP_SIZE: (6, 1, _desktop_length),
    QEMU: (1, 1, _qemu_length),
}
"""Where a message says how long it is: offset, size, and what it means."""


def _capped(what: str, count: int, limit: int) -> int:
    if count > limit:
        raise RfbError(f"{count} {what}: at most {limit} are taken")
    return count


def _filtered(message: bytes) -> bytes:
    """The message; of a list of encodings what is known."""
    if message[0] != ENCODINGS:
        return message
    known = [code for (code,) in struct.iter_unpack(">i", message[4:]) if code in _ENCODINGS]
    return struct.pack(f">BxH{len(known)}i", ENCODINGS, len(known), *known)
