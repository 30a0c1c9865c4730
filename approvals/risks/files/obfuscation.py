"""Text that is readable and yet not meant to be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from approvals.risks.change import Change
from approvals.risks.files.texts import Line, new_lines
from approvals.risks.flags import Flag
from approvals.risks.wording import listed, named

LONGEST_LINE = 400
_PROSE = (".md", ".txt", ".rst", ".adoc")
_GAP = re.compile(r"\S[ \t]{60,}\S")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}")
_MIXED = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))
_HEX = re.compile(r"[0-9a-fA-F]{160,}")


def long_lines(change: Change) -> Iterator[Flag]:
    why = "What stands far to the right is easily not seen."
    text = f"Lines of more than {LONGEST_LINE} characters"
    yield from _found(change, "long-line", lambda line: len(line) > LONGEST_LINE, f"{text}: {{}}. {why}", prose=False)


def gaps(change: Change) -> Iterator[Flag]:
    why = "Something is pushed out of sight to the right."
    yield from _found(change, "gap", lambda line: bool(_GAP.search(line)), f"A wide gap within: {{}}. {why}")


def blobs(change: Change) -> Iterator[Flag]:
    why = "It may be a program or a secret, written so that nobody reads it."
    yield from _found(change, "encoded", _has_blob, f"A long encoded string: {{}}. {why}")


def _has_blob(line: str) -> bool:
    found = _BLOB.search(line)
    return bool(_HEX.search(line)) or (found is not None and all(kind.search(found[0]) for kind in _MIXED))


def _found(
    change: Change, rule: str, is_odd: Callable[[str], bool], text: str, *, prose: bool = True
) -> Iterator[Flag]:
    for path, lines in new_lines(change):
        if not prose and path.lower().endswith(_PROSE):
            continue
        odd = [line for line in lines if is_odd(line.text)]
        if odd:
            yield Flag(rule, "notice", named(path), text.format(_numbers(odd)))


def _numbers(lines: list[Line]) -> str:
    return listed(f"line {line.number}" for line in lines)
