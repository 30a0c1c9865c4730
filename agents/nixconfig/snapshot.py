"""Copies of small trees of plain files, taken through folder descriptors: no link is followed, ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from agents.repositories.limits import MEBIBYTE

MAX_FILES = 2_000
MAX_BYTES = 32 * MEBIBYTE


class TreeRefused(Exception):
    """The folder holds something that is no plain file, or too much."""


def snapshot(top: Path, below: str, target: Path) -> None:
    """Copy the folder `below` of `top` to the new folder `target`, readable by everybody.

    `top` is trusted, what lies below it is not: every step of `below` must be a folder, none a link. Raises
    `TreeRefused`, `OSError`.
    """
    files = size = 0
    root = _opened(top, below)
    try:
        for folder, folders, names, descriptor in os.fwalk(".", dir_fd=root, follow_symlinks=False):
            _make(target / folder)
            for name in [*folders, *names]:
                kind = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                    raise TreeRefused(f"{name!r} is no plain file")
            for name in names:
                size += _copy(name, descriptor, target / folder / name, MAX_BYTES - size)
                files += 1
                if files > MAX_FILES or size > MAX_BYTES:
                    raise TreeRefused(f"more than {MAX_FILES} files or {MAX_BYTES} bytes")
    finally:
        os.close(root)


def _opened(top: Path, below: str) -> int:
    here = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in Path(below).parts:
        try:
            inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
        here = inner
    return here


def _make(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _copy(name: str, descriptor: int, target: Path, room: int) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=descriptor), "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise TreeRefused(f"{name!r} is no plain file")
        data = stream.read(room + 1)
    target.write_bytes(data)
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
    return len(data)
