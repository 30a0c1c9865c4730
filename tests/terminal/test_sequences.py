from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiveproject.terminal.sequences import Sieve

HARMLESS = [
    "plain text, ünïcode ✓ 🐝\r\n",
    "\x1b[1;31mred\x1b[0m",
    "\x1b[?1049h\x1b[2J\x1b[H",
    "\x1b[38;2;1;2;3mrgb\x1b[m",
    "\x1b(B\x1b7\x1b8\x1bM\x1bc",
    "\x1b[6n\x1b[c",
    "\x07\x08\t",
    "\x1b[?2004h",
]
DROPPED = {
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "clipboard, ended by ST": "\x1b]52;c;ZXZpbA==\x1b\\",
    "clipboard, 8-bit": "\x9d52;c;ZXZpbA==\x9c",
    "clipboard, a control in the introducer": "\x1b\x01\n]52;c;ZXZpbA==\x07",
    "clipboard, DEL in the introducer": "\x1b\x7f]52;c;ZXZpbA==\x07",
    "clipboard, ESC twice": "\x1b\x1b]52;c;ZXZpbA==\x07",
    "clipboard out of a CSI": "\x1b[1;\x1b]52;c;ZXZpbA==\x07",
    "title": "\x1b]0;evil\x07",
    "link": "\x1b]8;;https://evil.example/\x07",
    "report of a setting": "\x1bP$qm\x1b\\",
    "sixel": "\x1bPq#0;2;0;0;0\x1b\\",
    "application command": "\x1b_Gi=1;AAAA\x1b\\",
    "privacy message": "\x1b^secret\x1b\\",
    "start of string": "\x1bXsecret\x1b\\",
    "title report": "\x1b[21t",
    "window moved": "\x1b[3;0;0t",
    "string aborted": "\x1b]52;c;ZX\x18",
    "string within a string": "\x1bPx\x1b]52;c;ZXZpbA==\x07",
}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_stays_on_the_screen_passes(text: str) -> None:
    assert Sieve().feed(text.encode()) == text


@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED.keys())
def test_what_reaches_beyond_the_screen_is_dropped(text: str) -> None:
    shown = Sieve().feed(f"before{text}after".encode())
    assert shown.replace("\x01\n", "") == "beforeafter"


@pytest.mark.parametrize("text", [*HARMLESS, *DROPPED.values()])
def test_cut_anywhere_it_shows_the_same(text: str) -> None:
    whole = Sieve().feed(text.encode())
    for cut in range(1, len(text.encode())):
        sieve = Sieve()
        assert sieve.feed(text.encode()[:cut]) + sieve.feed(text.encode()[cut:]) == whole


def test_a_string_without_end_holds_no_memory() -> None:
    sieve = Sieve()
    sieve.feed(b"\x1b]52;c;")
    for _ in range(100):
        assert sieve.feed(b"A" * 65536) == ""
    assert sieve.feed(b"\x07back") == "back"


def test_an_endless_sequence_is_dropped() -> None:
    assert Sieve().feed(b"\x1b[" + b"1;" * 1000 + b"mx") == "x"


PIECES = st.sampled_from(
    ["\x1b", "]", "52;c;x", "[", "P", "\\", "\x07", "\x9d", "\x9c", "t", "a", "\x18", "\n", "\x7f", "é"]
)
STRING = re.compile("\x1b[\x00-\x17\x19\x1c-\x1f\x7f]*[PX\\]^_]|[\x90\x98\x9d\x9e\x9f]")


@given(st.lists(PIECES, max_size=30), st.integers(0, 60))
def test_nothing_that_opens_a_control_string_comes_through(pieces: list[str], cut: int) -> None:
    data, sieve = "".join(pieces).encode(), Sieve()
    shown = sieve.feed(data[:cut]) + sieve.feed(data[cut:])
    assert not STRING.search(shown)
    assert "\x1b[t" not in shown
