"""Modes of files."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.wording import named

_PLAIN, _EXECUTABLE = "100644", "100755"


def modes(change: Change) -> Iterator[Flag]:
    for path, file in sorted(change.after.items()):
        old, mode = change.before.get(path), file[0]
        if old is not None and old[0] == mode:
            continue
        if mode == _EXECUTABLE:
            text = "The file became executable." if old is not None else "A new file that is executable."
            yield Flag("mode", "notice", named(path), f"{text} It can be started as a program, whatever its name says.")
        elif mode != _PLAIN:
            text = f"It has the mode {named(mode)}: no plain file. It can lead to files outside the repository."
            yield Flag("mode", "high", named(path), text)
