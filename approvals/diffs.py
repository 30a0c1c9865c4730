"""What a change changes, file by file and line by line, ready for a page. Pure: texts in, lines of safe HTML out.

Lines become HTML only where they are shown, so that a change of any size costs what its shown part costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import visible
from approvals import highlight, linediff
from approvals.linediff import Opcode

MAX_LINES = 20_000
CONTEXT = 3
BINARY = "Binary, or too large to show here."
NO_NEWLINE = format_html('<span class="unseen">{}</span>', "no newline at the end")
TOO_LONG = f"More than {MAX_LINES:,} lines: too long to compare here."


@dataclass(frozen=True)
class Line:
    """`kind` is `same`, `added` or `removed`; `old` and `new` are the line's numbers on either side."""

    kind: str
    old: int | None
    new: int | None
    html: SafeString

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "\u2212"}.get(self.kind, "")


@dataclass
class FileDiff:
    """One changed file. `note` says why its text is not shown; `hidden` names characters nobody would see."""

    path: str
    status: str
    note: str = ""
    hidden: list[str] = field(default_factory=list)
    old: str = ""
    new: str = ""

    @property
    def added(self) -> int:
        return sum(b2 - b1 for tag, _, _, b1, b2 in self._codes if tag != "equal")

    @property
    def removed(self) -> int:
        return sum(a2 - a1 for tag, a1, a2, _, _ in self._codes if tag != "equal")

    @property
    def hunks(self) -> list[list[Line]]:
        """What differs, with a few lines around it."""
        return self.part(0, self.size(whole=False), whole=False)

    @property
    def whole(self) -> list[Line]:
        """The file from its first line to its last."""
        return [line for hunk in self.part(0, self.size(whole=True), whole=True) for line in hunk]

    def size(self, *, whole: bool) -> int:
        """How many lines there are to show."""
        return sum(_rows(code) for group in self._groups(whole) for code in group)

    def part(self, start: int, count: int, *, whole: bool) -> list[list[Line]]:
        """`count` lines from the line `start` on, in their hunks."""
        hunks, at = [], 0
        for group in self._groups(whole):
            lines = []
            for code in group:
                low, high = max(start - at, 0), min(start + count - at, _rows(code))
                lines += [self._line(code, row) for row in range(low, high)]
                at += _rows(code)
            if lines:
                hunks.append(lines)
        return hunks

    @cached_property
    def _codes(self) -> list[Opcode]:
        return [] if self.note else linediff.opcodes(_lines(self.old), _lines(self.new))

    def _groups(self, whole: bool) -> list[list[Opcode]]:
        return ([self._codes] if self._codes else []) if whole else list(linediff.grouped(self._codes, CONTEXT))

    @cached_property
    def _pieces(self) -> tuple[list[highlight.Pieces], list[highlight.Pieces]]:
        return highlight.pieces_by_line(self.old, self.path), highlight.pieces_by_line(self.new, self.path)

    def _line(self, code: Opcode, row: int) -> Line:
        tag, a1, a2, b1, _ = code
        if tag == "equal":
            return Line("same", a1 + row + 1, b1 + row + 1, self._html(1, b1 + row))
        if row < a2 - a1:
            return Line("removed", a1 + row + 1, None, self._html(0, a1 + row))
        number = b1 + row - (a2 - a1)
        return Line("added", None, number + 1, self._html(1, number))

    def _html(self, side: int, number: int) -> SafeString:
        """The last piece of a text stands after its last line end: there is a line only where that is missing."""
        pieces = self._pieces[side]
        made = highlight.html(pieces[number])
        return made + NO_NEWLINE if number == len(pieces) - 1 else made


def compare(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> list[FileDiff]:
    """Files that differ, by path. A text of None stands for a binary file or one too large to show."""
    paths = sorted({*before, *after})
    return [
        _file(path, before, after)
        for path in paths
        if (path in before) != (path in after) or before[path] != after[path] or before[path] is None
    ]


def parts(files: list[FileDiff], most: int, *, whole: bool) -> Iterator[tuple[FileDiff, list[list[Line]], int]]:
    """(file, its hunks, how many of its lines are left out): at most `most` lines of all files together."""
    for file in files:
        size = file.size(whole=whole)
        shown = min(size, most)
        most -= shown
        yield file, file.part(0, shown, whole=whole), size - shown


def _file(path: str, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> FileDiff:
    status = "changed" if path in before and path in after else "added" if path in after else "removed"
    old, new = before.get(path, ""), after.get(path, "")
    if old is None or new is None:
        return FileDiff(path, "not compared" if old is new else status, note=BINARY)
    hidden = visible.hidden_in(new)
    if max(old.count("\n"), new.count("\n")) > MAX_LINES:
        return FileDiff(path, status, note=TOO_LONG, hidden=hidden)
    return FileDiff(path, status, hidden=hidden, old=old, new=new)


def _rows(code: Opcode) -> int:
    tag, a1, a2, b1, b2 = code
    return b2 - b1 if tag == "equal" else a2 - a1 + b2 - b1


def _lines(text: str) -> list[str]:
    """Lines with their ends, so that a missing newline at the end is a difference."""
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines
