"""Files as text, and which of their lines are new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from approvals.risks.change import Change, File


class Line(NamedTuple):
    """A line of a file, counted from 1, as an editor does: split at line feeds only."""

    number: int
    text: str


def is_text(data: bytes) -> bool:
    """UTF-8 without NUL: what a page can show as it is."""
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def new_lines(change: Change) -> Iterator[tuple[str, list[Line]]]:
    """(path, lines that the file did not have before) of every file that was written and can be read."""
    for path, old, new in change.written():
        if new.content is not None:
            known = set(_lines(old))
            lines = [Line(number, text) for number, text in enumerate(_lines(new), 1) if text not in known]
            yield path, lines


def _lines(file: File | None) -> list[str]:
    return [] if file is None or file.content is None else file.content.decode(errors="replace").split("\n")
