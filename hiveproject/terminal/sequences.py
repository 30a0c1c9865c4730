"""What of a terminal's output reaches the operator's browser (ECMA-48, xterm's control sequences).

Control strings (OSC, DCS, APC, PM, SOS) reach beyond the screen: they set the title, write the clipboard, draw links
that say one thing and open another. All are dropped, and so are CSI … t (window operations, title reports). The rest
passes as it came. The states are those of the terminal's own parser, so that both see the same sequences.
"""

from __future__ import annotations

import codecs
import re

_INTRODUCERS = re.compile("[\x1b\x90\x98\x9b\x9d\x9e\x9f]")
_STRINGS = "\x90\x98\x9d\x9e\x9f"
_ESC_STRINGS = "PX]^_"
_STRING_END = re.compile("[\x07\x18\x1a\x1b\x9c]")
_EXECUTED = frozenset(chr(code) for code in range(0x20)) - set("\x18\x1a\x1b")
_ABORTS = "\x18\x1a"
_DROPPED_FINALS = "t"
_LONGEST = 256


class Sieve:
    """One terminal's output, fed in pieces cut anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = self._ground
        self._sequence = ""
        self._out: list[str] = []

    def feed(self, data: bytes) -> str:
        """What may be shown of `data`; an unfinished sequence is held back, at most 256 characters of it."""
        text, at = self._decoder.decode(data), 0
        while at < len(text):
            at = self._state(text, at)
        shown, self._out = "".join(self._out), []
        return shown

    def _ground(self, text: str, at: int) -> int:
        found = _INTRODUCERS.search(text, at)
        if found is None:
            self._out.append(text[at:])
            return len(text)
        self._out.append(text[at : found.start()])
        self._introduced(found.group())
        return found.end()

    def _introduced(self, character: str) -> None:
        if character == "\x1b":
            self._state = self._escape
        elif character == "\x9b":
            self._sequence, self._state = "\x1b[", self._csi
        else:
            self._state = self._string

    def _escape(self, text: str, at: int) -> int:
        character = text[at]
        if character in _EXECUTED:  # the terminal obeys it and stays within the sequence
            self._out.append(character)
        elif character == "[":
            self._sequence, self._state = "\x1b[", self._csi
        elif character in _ESC_STRINGS:
            self._state = self._string
        elif character in _ABORTS:
            self._state = self._ground
        elif _INTRODUCERS.match(character):
            self._introduced(character)
        elif character != "\x7f":
            self._out.append("\x1b" + character)
            self._state = self._ground
        return at + 1

    def _csi(self, text: str, at: int) -> int:
        character = text[at]
        if character in _EXECUTED:
            self._out.append(character)
        elif _INTRODUCERS.match(character):
            self._introduced(character)
        elif "\x20" <= character < "\x40":
            self._sequence = (self._sequence + character)[:_LONGEST]
        elif "\x40" <= character < "\x7f":
            self._end_csi(character)
        elif character != "\x7f":  # an abort, or what no terminal takes in a sequence
            self._state = self._ground
        return at + 1

    def _end_csi(self, final: str) -> None:
        self._state = self._ground
        if final not in _DROPPED_FINALS and len(self._sequence) < _LONGEST:
            self._out.append(self._sequence + final)

    def _string(self, text: str, at: int) -> int:
        found = _STRING_END.search(text, at)
        if found is None:
            return len(text)
        self._state = self._escape_in_string if found.group() == "\x1b" else self._ground
        return found.end()

    def _escape_in_string(self, text: str, at: int) -> int:
        """`ESC \\` ends the string; any other sequence ends it as well, and begins."""
        self._state = self._ground if text[at] == "\\" else self._escape
        return at + (text[at] == "\\")
