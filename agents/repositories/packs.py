"""How large the objects of a pack say they are, before git unpacks them: a megabyte of pack can hold a gibibyte.

The format is gitformat-pack(5). Only sizes are read; whether the objects are sound is git's to find out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7
_HEAD = 24
_CHUNK = 65536


class PackDamaged(ValueError):
    """The bytes are no pack."""


def object_count(pack: bytes) -> int:
    """The number of objects that the header claims. Raises `PackDamaged`."""
    if len(pack) < 32 or pack[:8] != b"PACK\0\0\0\2":
        raise PackDamaged("not a pack of version 2")
    return int.from_bytes(pack[8:12], "big")


def declared_sizes(pack: bytes) -> Iterator[int]:
    """The size of each object (and of each delta), told before it is inflated: stop when it is too much.

    Raises `PackDamaged`.
    """
    at = 12
    for _ in range(object_count(pack)):
        kind, size, at = _object_header(pack, at)
        yield size
        head, at = _inflated(pack, at, size)
        if kind in (_OFFSET_DELTA, _REFERENCE_DELTA):
            _, after_source = _varint(head, 0)
            yield _varint(head, after_source)[0]


def _object_header(pack: bytes, at: int) -> tuple[int, int, int]:
    """(type, size, where the data begins)."""
    byte = _byte(pack, at)
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 0x80:
        at += 1
        byte = _byte(pack, at)
        size |= (byte & 0x7F) << shift
        shift = _next_shift(shift)
    at += 1
    if kind == _REFERENCE_DELTA:
        at += 20
    if kind == _OFFSET_DELTA:
        while _byte(pack, at) & 0x80:
            at += 1
        at += 1
    return kind, size, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = _byte(data, at)
        value |= (byte & 0x7F) << shift
        shift, at = _next_shift(shift), at + 1
        if not byte & 0x80:
            return value, at


def _next_shift(shift: int) -> int:
    """Numbers end within 64 bits: an endless one would cost quadratic time."""
    if shift > 56:
        raise PackDamaged("a size has more than 64 bits")
    return shift + 7


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise PackDamaged("the pack ends too early")
    return data[at]


def _inflated(pack: bytes, at: int, size: int) -> tuple[bytes, int]:
    """(first bytes of the content, where the next object begins); never more than a chunk in memory."""
    engine, head, written, step = zlib.decompressobj(), b"", 0, 512
    feed = b""
    while not engine.eof:
        if not feed:
            feed, at = pack[at : at + step], at + step
            step = _CHUNK
        try:
            out = engine.decompress(feed, _CHUNK)
        except zlib.error as error:
            raise PackDamaged("an object cannot be inflated") from error
        feed = engine.unconsumed_tail
        written += len(out)
        head = head if len(head) >= _HEAD else (head + out)[:_HEAD]
        if written > size or (not out and not feed and not engine.eof and at >= len(pack)):
            raise PackDamaged("an object is not as long as it says")
    return head, min(at, len(pack)) - len(engine.unused_data)
