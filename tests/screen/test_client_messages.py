"""The reader of what browsers say: in any cut the same, never passing on what acts without the control."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.screen.client import MAX_CUT_TEXT, ClientMessages
from agents.screen.rfb import RfbError
from tests.screen.viewer import cut_text, encodings, key, pointer, request

FORMAT = b"\0" * 4 + bytes(16)
FENCE = struct.pack(">B3xIB", 248, 1 << 31, 5) + b"fence"
CONTINUOUS = struct.pack(">BBHHHH", 150, 1, 0, 0, 640, 400)
QEMU_KEY = struct.pack(">BBHII", 255, 0, 1, 0x61, 30)
XVP = bytes((250, 0, 1, 2))
SIZE = struct.pack(">BxHHBx", 251, 800, 600, 1) + bytes(16)
ABILITIES = struct.pack(">B3xiII", 6, -8, 1 << 24 | 1, 1000)
OFFER = struct.pack(">B3xiI", 6, -4, 1 << 27 | 1)
LOOKS = [FORMAT, encodings(0, 7, -223), request(640, 400), FENCE, CONTINUOUS]
ACTS = [key(0x61, down=True), pointer(3, 4, 1), cut_text(b"text"), QEMU_KEY, XVP, SIZE, OFFER]
SESSION = b"".join(message for pair in zip(LOOKS, ACTS, strict=False) for message in pair) + b"".join(ACTS)

messages = st.lists(st.sampled_from([*LOOKS, *ACTS]), max_size=30)


def fed(data: bytes, cuts: list[int], *, driving: bool) -> bytes:
    reader, at, passed = ClientMessages(), 0, b""
    for cut in [*sorted(cuts), len(data)]:
        passed += reader.feed(data[at:cut], driving=driving)
        at = max(at, cut)
    return passed


def test_a_viewer_says_only_how_it_wants_to_see() -> None:
    assert fed(SESSION, [], driving=False) == b"".join(LOOKS)


def test_a_driver_says_everything() -> None:
    assert fed(SESSION, [], driving=True) == SESSION


@pytest.mark.parametrize("driving", [True, False])
@pytest.mark.parametrize("cut", range(len(SESSION)))
def test_a_session_cut_at_every_byte(cut: int, driving: bool) -> None:
    assert fed(SESSION, [cut], driving=driving) == fed(SESSION, [], driving=driving)


@given(messages, st.lists(st.integers(0, 900), max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_cut_of_any_session(said: list[bytes], cuts: list[int]) -> None:
    data = b"".join(said)
    cuts = [min(cut, len(data)) for cut in cuts]
    assert fed(data, cuts, driving=True) == data
    assert fed(data, cuts, driving=False) == b"".join(message for message in said if message in LOOKS)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
@settings(max_examples=1000, deadline=None)
def test_noise_is_refused_or_read_the_same_in_every_cut(data: bytes, cuts: list[int]) -> None:
    """And nothing but a refusal comes of it; a viewer's noise never becomes a message that acts."""

    def outcome(at: list[int]) -> tuple[bytes, str]:
        reader, passed, before = ClientMessages(), b"", 0
        try:
            for cut in [*sorted(min(each, len(data)) for each in at), len(data)]:
                passed += reader.feed(data[before:cut], driving=False)
                before = max(before, cut)
        except RfbError as error:
            return b"", str(error)
        return passed, ""

    passed, refusal = outcome(cuts)
    assert (passed, refusal) == outcome([])
    server = ClientMessages()
    server.feed(passed, driving=True)
    assert not server.acted


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (bytes([1]), "message 1 is not known"),
        (bytes([253, 0, 0, 0]), "message 253 is not known"),
        (struct.pack(">B3xI", 6, MAX_CUT_TEXT + 1), "bytes of clipboard"),
        (struct.pack(">B3xI", 6, 1 << 31), "bytes of clipboard"),
        (struct.pack(">B3xi", 6, -3), "without its flags"),
        (struct.pack(">BxH", 2, 257), "encodings"),
        (struct.pack(">B3xIB", 248, 0, 65), "in a fence"),
        (struct.pack(">BxHHB", 251, 1, 1, 17), "screens"),
    ],
)
def test_what_is_not_taken(said: bytes, why: str) -> None:
    with pytest.raises(RfbError, match=why):
        ClientMessages().feed(said, driving=True)


def test_a_large_clipboard_passes() -> None:
    said = cut_text(b"x" * MAX_CUT_TEXT)
    assert fed(said, [9, 100_000], driving=True) == said


def test_encodings_that_lengthen_messages_are_struck() -> None:
    passed = ClientMessages().feed(encodings(7, -316, -305, 0, 12345, -223), driving=True)
    assert passed == encodings(7, 0, -223)


def test_what_a_viewers_clipboard_can_do_is_said_when_it_drives() -> None:
    reader = ClientMessages()
    assert reader.feed(ABILITIES + OFFER, driving=False) == b""
    assert reader.feed(OFFER, driving=True) == ABILITIES + OFFER
    assert reader.feed(OFFER, driving=True) == OFFER


def test_what_is_held_is_lifted() -> None:
    reader = ClientMessages()
    held = key(0x61, down=True) + key(0x62, down=True) + key(0x62, down=False) + QEMU_KEY + pointer(9, 8, 4)
    reader.feed(held, driving=True)
    lifted = key(0x61, down=False) + struct.pack(">BBHII", 255, 0, 0, 0x61, 30) + pointer(9, 8, 0)
    assert reader.release() == lifted
    assert reader.release() == b""
