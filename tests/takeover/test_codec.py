"""The codec alone: what RFC 6455 allows comes out as it went in, everything else is named."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.protocol import OPEN, SERVER, Protocol

from hiveproject.takeover import codec
from hiveproject.takeover.codec import Control, Decoder, ProtocolBroken
from tests.takeover.world import frame

LIMIT = 2000
MESSAGES = st.lists(st.one_of(st.text(max_size=300), st.binary(max_size=300)), max_size=6)


def taken(decoder: Decoder) -> list[Any]:
    return list(iter(decoder.take, None))


def fed(decoder: Decoder, data: bytes, step: int = 1 << 30) -> tuple[list[Any], int | None]:
    """What comes out when the data go in piece by piece, and the code of the error that ends it."""
    got: list[Any] = []
    for at in range(0, len(data), step):
        decoder.feed(data[at : at + step])
        try:
            got += taken(decoder)
        except ProtocolBroken as broken:
            return got, broken.code
    return got, None


def spoken(message: str | bytes, pieces: int) -> bytes:
    """A message in several frames with a ping between them."""
    payload = message.encode() if isinstance(message, str) else message
    first, step = (1 if isinstance(message, str) else 2), max(1, len(payload) // pieces)
    cuts = [payload[at : at + step] for at in range(0, len(payload), step)] or [b""]
    frames = [frame(0 if at else first, cut, final=at == len(cuts) - 1) for at, cut in enumerate(cuts)]
    return frame(9, b"p").join(frames)


@given(MESSAGES, st.integers(1, 5), st.integers(1, 40))
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    messages: list[str | bytes], pieces: int, step: int
) -> None:
    data = b"".join(spoken(message, pieces) for message in messages)
    decoder, got = Decoder(LIMIT), []
    for at in range(0, len(data), step):
        decoder.feed(data[at : at + step])
        got += [item for item in taken(decoder) if not isinstance(item, Control)]
    assert got == messages
    assert decoder.leftover() == b""


@given(MESSAGES, st.integers(0, 2000), st.integers(0, 6))
def test_what_is_left_is_what_came_and_was_not_taken(messages: list[str | bytes], cut: int, takes: int) -> None:
    data = b"".join(spoken(message, 1) for message in messages)
    decoder = Decoder(LIMIT)
    decoder.feed(data[:cut])
    got = [item for _ in range(takes) if (item := decoder.take()) is not None]
    again = Decoder(LIMIT)
    again.feed(decoder.leftover() + data[cut:])
    assert got + taken(again) == messages


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(1, b"x", masked=False), 1002),
        (frame(1, b"x", reserved=1), 1002),
        (frame(1, b"x", reserved=4), 1002),
        (frame(3, b"x"), 1002),
        (frame(7, b"x"), 1002),
        (frame(11, b"x"), 1002),
        (frame(15, b""), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", final=False), 1002),
        (frame(8, b"x"), 1002),
        (frame(8, b"\x03\xe7"), 1002),
        (frame(8, b"\x03\xed"), 1002),
        (frame(8, b"\x03\xee"), 1002),
        (frame(8, b"\x13\x88"), 1002),
        (frame(8, b"\x03\xe8\xff"), 1007),
        (frame(0, b"x"), 1002),
        (frame(1, b"x", final=False) + frame(1, b"y"), 1002),
        (frame(1, b"x", final=False) + frame(2, b"y"), 1002),
        (b"\x81\xfe\x00\x05" + b"mask" + b"12345", 1002),
        (b"\x81\xff" + (5).to_bytes(8, "big") + b"mask" + b"12345", 1002),
        (b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"mask", 1002),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xed\xa0\x80"), 1007),
        (frame(1, b"\xc3", final=False) + frame(0, b"\x28"), 1007),
        (frame(2, b"x" * (LIMIT + 1)), 1009),
        (frame(2, b"x" * LIMIT, final=False) + frame(0, b"y"), 1009),
    ],
    ids=itertools.count(),  # the masks differ every time
)
def test_bad_frames_end_with_the_code_of_the_standard(data: bytes, code: int) -> None:
    for step in (1, len(data)):
        decoder = Decoder(LIMIT)
        assert fed(decoder, frame(1, b"before")) == (["before"], None)
        assert fed(decoder, data, step) == ([], code)


def test_a_close_frame_is_understood_after_what_was_too_long() -> None:
    decoder, data = Decoder(LIMIT), frame(2, b"x" * 100_000) + frame(8, b"\x03\xe8bye")
    assert fed(decoder, data[:10]) == ([], 1009)
    assert fed(decoder, data[10:], 1000) == ([Control(8, b"\x03\xe8bye", 1000)], None)


def test_a_character_may_be_cut_by_frames() -> None:
    decoder = Decoder(LIMIT)
    decoder.feed(frame(1, b"\xc3", final=False) + frame(9, b"") + frame(0, b"\xa4"))
    assert taken(decoder) == [Control(9, b""), "ä"]


def test_a_message_in_single_bytes_is_joined_once() -> None:
    """Bytes are kept apart until a frame is whole: joining at each of them would take time squared."""
    decoder, data = Decoder(1 << 20), frame(2, bytes(1 << 20))
    for at in range(0, len(data), 7):
        decoder.feed(data[at : at + 7])
        if at % 70_000 == 0:
            assert decoder.take() is None
    assert decoder.take() == bytes(1 << 20)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    assert fed(Decoder(LIMIT), data)[1] in (None, 1002, 1007, 1009)


FRAMES = st.tuples(st.integers(0, 15).filter(lambda opcode: opcode != 8), st.booleans(), st.integers(0, 200))


@given(st.lists(FRAMES, max_size=5))
def test_it_agrees_with_another_implementation(frames: list[tuple[int, bool, int]]) -> None:
    """On which sequences of frames are allowed, whatever their opcodes, order and lengths."""
    other, mine = Protocol(SERVER, state=OPEN, max_size=LIMIT), Decoder(LIMIT)
    for opcode, final, size in frames:
        data = frame(opcode, b"x" * size, final=final)
        other.receive_data(data)
        _, code = fed(mine, data)
        assert (code is not None) == (other.parser_exc is not None)
        if code is not None:
            return


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_of_the_server_are_headed_as_short_as_can_be(size: int) -> None:
    header, payload = codec.encoded(codec.BINARY, bytes(size))
    assert payload == bytes(size)
    assert len(header) == (2 if size < 126 else 4 if size < 65536 else 10)
    assert not header[1] & 128, "a server does not mask"


def test_a_close_reason_fits_into_a_control_frame() -> None:
    payload = codec.close_payload(4000, "ä" * 100)
    assert len(payload) <= 125
    assert payload[2:].decode() == "ä" * 61
