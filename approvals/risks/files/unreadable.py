"""Files that the decision page cannot show."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.change import Change
from approvals.risks.files.texts import is_text
from approvals.risks.flags import Flag
from approvals.risks.wording import named


def binary(change: Change) -> Iterator[Flag]:
    why = "Nobody can read what it does; the file can hold a program or a picture of something else."
    for path, _, new in change.written():
        if new.content is not None and not is_text(new.content):
            yield Flag("binary", "high", named(path), f"The file is no text (UTF-8). {why}")


def too_large(change: Change) -> Iterator[Flag]:
    why = "It is neither shown here nor checked by the other rules."
    for path, _, new in change.written():
        if new.content is None:
            yield Flag("too-large", "high", named(path), f"The file is too large to read here. {why}")
