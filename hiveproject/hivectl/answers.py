"""What a verb comes to, for programs and for people."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 3, 130


class Failed(Exception):
    """It could not be done; the text says why."""


@dataclass(frozen=True)
class Answer:
    """`data` is printed with --json, `text` without; `complaint` goes to standard error."""

    data: Any = None
    text: str = ""
    code: int = DONE
    complaint: str = ""

    @classmethod
    def refused(cls, text: str) -> Answer:
        return cls(None, text, REFUSED)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> str:
    """Aligned columns under their heads, or `empty` where there is no row."""
    if not rows:
        return empty
    cells = [[_plain(str(cell)) for cell in row] for row in rows]
    lines = [list(head), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def readable(text: str) -> str:
    """What an agent wrote, without the characters that steer a terminal; line ends and tabs stay."""
    return "".join(char if char in "\n\t" or not _steers(char) else "\ufffd" for char in text)


def _plain(text: str) -> str:
    return readable(text).replace("\n", " ").replace("\t", " ")


def as_json(value: object) -> str:
    """One JSON value; what would steer a terminal is escaped, the value stays the same."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(json.dumps(char)[1:-1] if _steers(char) else char for char in text)


def _steers(char: str) -> bool:
    """Control characters, marks of direction and other invisible ones, line ends that are not plain, lone surrogates.

    Joiners stay: emoji and some scripts need them.
    """
    return unicodedata.category(char) in _STEERING and char not in "\u200c\u200d"


_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
