"""Run a Python program as a user without any rights, wherever the code and the interpreter lie.

In a mount namespace of its own what that user could not enter (a clone or an interpreter under `/root`) is replaced
by an empty, readable folder that holds only what is needed.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from agents import command

UID = 64321
CODE = Path(__file__).resolve().parents[2]


def argv(program: list[str], scratch: Path) -> list[str]:
    """`program` are the interpreter's arguments; `scratch` belongs to the test and may hold mount points."""
    needed = [CODE, Path(sys.prefix), Path(sys.base_prefix).resolve()]
    lines = ["set -e"]
    hidden = {path: closed for path in needed if (closed := _closed(path)) is not None}
    for number, path in enumerate(hidden):
        lines += [f"mkdir {scratch}/{number}", f"mount --rbind {shlex.quote(str(path))} {scratch}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(folder))}" for folder in set(hidden.values())]
    for number, path in enumerate(hidden):
        quoted = shlex.quote(str(path))
        lines += [f"mkdir -p {quoted}", f"mount --move {scratch}/{number} {quoted}"]
    ids = f"setpriv --reuid {UID} --regid {UID} --clear-groups --inh-caps=-all --bounding-set=-all"
    lines.append(f'exec {ids} "$@"')
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh"]
    return [*words, sys.executable, *program]


def environment(**extra: str) -> dict[str, str]:
    return command.clean_environment(HOME="/tmp", PYTHONPATH=str(CODE), PYTHONDONTWRITEBYTECODE="1", **extra)


def _closed(path: Path) -> Path | None:
    """The topmost folder on the way that other users cannot enter."""
    for folder in reversed([path, *path.parents]):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
