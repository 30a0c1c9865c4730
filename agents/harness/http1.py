"""As much of HTTP/1.1 (RFC 9112) as a loopback forwarder and its one client need."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

HEAD_LIMIT = 32 * 1024
HEAD_SECONDS = 10
PIECE = 64 * 1024
FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadRequest(Exception):
    """What the other side sent cannot be taken; `status` says how to answer a client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Head:
    """First line and fields of a request or an answer."""

    start: str
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name]

    def get(self, name: str) -> str:
        return ", ".join(self.all(name))

    def without(self, *names: str) -> list[tuple[str, str]]:
        return [(key, value) for key, value in self.fields if key.lower() not in names]


def render(start: str, fields: list[tuple[str, str]]) -> bytes:
    lines = [start, *(f"{key}: {value}" for key, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None when the other side closed without a word. The reader's limit must be HEAD_LIMIT. Raises BadRequest."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise BadRequest(431, f"the head is longer than {HEAD_LIMIT} bytes") from error
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise BadRequest(400, "the head breaks off") from error
    start, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    return Head(start, tuple(_field(line) for line in lines))


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    value = value.strip(" \t")
    if not colon or not FIELD_NAME.fullmatch(name) or any(ord(char) < 32 and char != "\t" for char in value):
        raise BadRequest(400, "a header line cannot be read")
    return name, value


def body_length(head: Head) -> int | None:
    """Bytes that follow, or None for a chunked body. Raises BadRequest where two readers could differ."""
    lengths, codings = head.all("content-length"), head.all("transfer-encoding")
    if codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"]:
            raise BadRequest(400, "the body's length is not clear")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,15}", lengths[0]):
        raise BadRequest(400, "Content-Length is not one number")
    return int(lengths[0])


async def exactly(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    """Raises BadRequest when the other side stops early."""
    while length > 0:
        piece = await reader.read(min(length, PIECE))
        if not piece:
            raise BadRequest(400, "the body breaks off")
        length -= len(piece)
        yield piece


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The contents of a chunked body, piece by piece; trailers are read and dropped. Raises BadRequest."""
    while length := _chunk_length(await _line(reader)):
        async for piece in exactly(reader, length):
            yield piece
        if await _line(reader):
            raise BadRequest(400, "a chunk is longer than it says")
    while await _line(reader):
        pass


def _chunk_length(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", size):
        raise BadRequest(400, "a chunk's length cannot be read")
    return int(size, 16)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\r\n"))[:-2]
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError) as error:
        raise BadRequest(400, "a chunked body breaks off") from error


async def body(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """A request's body in pieces, as they come. Raises BadRequest."""
    length = body_length(head)
    async for piece in chunks(reader) if length is None else exactly(reader, length):
        yield piece
