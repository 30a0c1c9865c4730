"""What a change changes, file by file and line by line, ready for a page. Pure: texts in, lines of safe HTML out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import visible
from approvals import highlight

MAX_LINES = 5_000
CONTEXT = 3
_QUICK_ABOVE = 1_000
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


@dataclass(frozen=True)
class FileDiff:
    """One changed file. `note` says why its text is not shown; `hidden` names characters nobody would see."""

    path: str
    status: str
    note: str = ""
    hidden: list[str] = field(default_factory=list)
    hunks: list[list[Line]] = field(default_factory=list)
    whole: list[Line] = field(default_factory=list)

    @property
    def added(self) -> int:
        return sum(line.kind == "added" for hunk in self.hunks for line in hunk)

    @property
    def removed(self) -> int:
        return sum(line.kind == "removed" for hunk in self.hunks for line in hunk)


def compare(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> list[FileDiff]:
    """Files that differ, by path. A text of None stands for a binary file or one too large to show."""
    paths = sorted({*before, *after})
    return [
        _file(path, before, after)
        for path in paths
        if (path in before) != (path in after) or before[path] != after[path] or before[path] is None
    ]


def _file(path: str, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> FileDiff:
    status = "changed" if path in before and path in after else "added" if path in after else "removed"
    old, new = before.get(path, ""), after.get(path, "")
    if old is None or new is None:
        return FileDiff(path, "not compared" if old is new else status, note=BINARY)
    if max(old.count("\n"), new.count("\n")) > MAX_LINES:
        return FileDiff(path, status, note=TOO_LONG, hidden=visible.hidden_in(new))
    groups = list(_groups(old, new, path, CONTEXT))
    whole = [line for group in _groups(old, new, path, MAX_LINES * 2) for line in group]
    return FileDiff(path, status, hidden=visible.hidden_in(new), hunks=groups, whole=whole)


def _groups(old: str, new: str, path: str, context: int) -> Iterator[list[Line]]:
    a, b = _lines(old), _lines(new)
    a_html, b_html = _html(old, path), _html(new, path)
    matcher = SequenceMatcher(None, a, b, autojunk=max(len(a), len(b)) > _QUICK_ABOVE)
    for group in matcher.get_grouped_opcodes(context):
        lines: list[Line] = []
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                lines += [Line("same", a1 + n + 1, b1 + n + 1, b_html[b1 + n]) for n in range(a2 - a1)]
                continue
            lines += [Line("removed", n + 1, None, a_html[n]) for n in range(a1, a2)]
            lines += [Line("added", None, n + 1, b_html[n]) for n in range(b1, b2)]
        yield lines


def _html(text: str, path: str) -> list[SafeString]:
    lines = highlight.lines(text, path)
    if lines[-1]:
        lines[-1] += NO_NEWLINE
    return lines


def _lines(text: str) -> list[str]:
    """Lines with their ends, so that a missing newline at the end is a difference."""
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines
