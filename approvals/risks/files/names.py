"""Names of files that look like other names."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.nix.confusable import in_word
from approvals.risks.wording import named


def names(change: Change) -> Iterator[Flag]:
    for path in sorted(set(change.after) - set(change.before)):
        if in_word(path):
            text = "The name mixes letters that look alike. It looks like another file's and is not the same."
            yield Flag("confusable-path", "high", named(path), text)
