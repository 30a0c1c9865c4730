"""Characters that a reader does not see, or that turn the direction of reading (Trojan Source, CVE-2021-42574)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from approvals.risks.change import Change
from approvals.risks.files.texts import Line, new_lines
from approvals.risks.flags import Flag, Level
from approvals.risks.wording import listed, named

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ue000-\uf8ff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
    r"|\r(?!\n|\Z)"
)
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_JOINERS = "\u200c\u200d"
_EMOJI_STYLES = "\ufe0e\ufe0f"
_SCRIPTS_WITH_JOINERS = range(0x0590, 0x10A0)
_KEYCAPS = "0123456789#*"
_WHY = "What you see is then not what a program reads."


class Hidden(NamedTuple):
    line: int
    character: str


def invisible(change: Change) -> Iterator[Flag]:
    """Characters that show nothing are high everywhere; wide spaces are, in Nix text, where they stand for code."""
    for path, lines in new_lines(change):
        hidden = [found for line in lines for found in _in_line(line)]
        if hidden:
            yield _flag(path, "high", "Invisible or direction-changing characters", hidden)
        spaces = [Hidden(line.number, match[0]) for line in lines for match in _SPACE.finditer(line.text)]
        if spaces:
            yield _flag(
                path, "high" if path.endswith(".nix") else "notice", "Characters that look like a space", spaces
            )


def _in_line(line: Line) -> Iterator[Hidden]:
    for match in _HIDDEN.finditer(line.text):
        if not _belongs(line.text, match.start()):
            yield Hidden(line.number, match[0])


def _belongs(text: str, at: int) -> bool:
    """Whether a joiner or a style is part of an emoji, or of a script that is written with joiners."""
    character, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if character in _EMOJI_STYLES:
        return _is_emoji(before) or (bool(before) and before in _KEYCAPS and after == "\u20e3")
    if character not in _JOINERS:
        return False
    in_emoji = character == "\u200d" and (_is_emoji(before) or before in ("\ufe0f", "\u20e3")) and _is_emoji(after)
    return in_emoji or (_is_joined_letter(before) and _is_joined_letter(after))


def _is_emoji(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in ("So", "Sk", "Sm")


def _is_joined_letter(character: str) -> bool:
    return bool(character) and ord(character) in _SCRIPTS_WITH_JOINERS and unicodedata.category(character)[0] in "LM"


def _flag(path: str, level: Level, what: str, hidden: list[Hidden]) -> Flag:
    places = listed(f"{_name(found.character)} (line {found.line})" for found in hidden)
    return Flag("invisible", level, named(path), f"{what}: {places}. {_WHY}")


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"
