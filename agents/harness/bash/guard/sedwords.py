"""GNU sed runs programs (`e`) and writes files (`w`): only scripts that do neither are covered by a wildcard."""

from __future__ import annotations

import re
from collections.abc import Sequence

ADDRESS = r"(?:\d+|\$|/(?:[^/\\\n\0]|\\[^\n\0])*/I?)"
RANGE = rf"(?:{ADDRESS}(?:,[+~]?{ADDRESS})?\s*!?\s*)?"
PART = r"(?:[^{0}\\\n\0]|\\[^\n\0])*"
SUBSTITUTE = "|".join(
    f"s{re.escape(mark)}{PART.format(re.escape(mark))}{re.escape(mark)}{PART.format(re.escape(mark))}{re.escape(mark)}[gpiI0-9]*"
    for mark in "/|,#@:;!%"
)
TRANSLATE = "y/(?:[^/\\\\\n\0]|\\\\[^\n\0])*/(?:[^/\\\\\n\0]|\\\\[^\n\0])*/"
COMMAND = rf"\s*{RANGE}(?:{SUBSTITUTE}|{TRANSLATE}|[dDpPnNgGhHx=q])\s*"
HARMLESS = re.compile(rf"(?:{COMMAND})(?:;(?:{COMMAND})?)*")
FLAGS = re.compile(r"-[nEruszi]+")
LONG_FLAGS = (
    "--quiet",
    "--silent",
    "--regexp-extended",
    "--in-place",
    "--posix",
    "--sandbox",
    "--debug",
    "--unbuffered",
)


def sharp(words: Sequence[str]) -> set[int]:
    """Indices in a vector that begins with sed."""
    found: set[int] = set()
    scripted, place = False, 1
    while place < len(words):
        word = words[place]
        if word == "--" and scripted:
            break
        if word in ("-e", "--expression"):
            place, scripted = place + 1, True
            if place < len(words) and not HARMLESS.fullmatch(words[place]):
                found |= {place - 1, place}
        elif _is_option(word) and not FLAGS.fullmatch(word) and word not in LONG_FLAGS:
            found.add(place)
        elif not _is_option(word) and not scripted:
            scripted = True
            if not HARMLESS.fullmatch(word):
                found.add(place)
        place += 1
    return found


def _is_option(word: str) -> bool:
    """What is not known yet could become one."""
    return word.startswith(("-", "\0")) and word != "-"
