"""Removing trees that somebody hostile may have made: any depth, any modes, any links, while others still write there.

Every step is relative to a directory descriptor and follows no link. Folders are moved up to one place and emptied
there, so neither depth nor path length matters.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agents.paths import inside

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRASH = "_trash-"


def remove_tree(root: Path, path: Path) -> bool:
    """Remove `path` and all below it; False when it is not there.

    Raises `ValueError` when it does not lie below `root`, whatever links lead there. What was interrupted before is
    finished too.
    """
    if path.is_symlink():
        raise ValueError(f"{path} is a link: refused")
    real = inside(root, path)
    trash = f"{_TRASH}{secrets.token_hex(8)}"
    try:
        folder = os.open(real.parent, _FLAGS)
    except FileNotFoundError:
        return False
    try:
        found = _moved(real.name, folder, trash)
        for name in os.listdir(folder):
            if name.startswith(_TRASH) and not _unlinked(folder, name):  # whoever may write here may leave a file
                _empty(folder, name)
                os.rmdir(name, dir_fd=folder)
    finally:
        os.close(folder)
    return found


def _moved(name: str, folder: int, trash: str) -> bool:
    """Move the tree out of everybody's sight before the slow part."""
    with suppress(FileNotFoundError):
        _unlock(folder, name)
        os.rename(name, trash, src_dir_fd=folder, dst_dir_fd=folder)
        return True
    return False


def _empty(folder: int, trash: str) -> None:
    _unlock(folder, trash)
    top = os.open(trash, _FLAGS, dir_fd=folder)
    try:
        while names := os.listdir(top):
            for name in names:
                _take_apart(top, name)
    finally:
        os.close(top)


def _take_apart(top: int, name: str) -> None:
    """Remove one entry of the trash; the folders in it become entries of the trash themselves."""
    if _unlinked(top, name):
        return
    _unlock(top, name)
    with suppress(FileNotFoundError):
        fd = os.open(name, _FLAGS, dir_fd=top)
        try:
            for inner in os.listdir(fd):
                if not _unlinked(fd, inner):
                    _unlock(fd, inner)
                    os.rename(inner, secrets.token_hex(16), src_dir_fd=fd, dst_dir_fd=top)
        finally:
            os.close(fd)
        _quietly(lambda: os.rmdir(name, dir_fd=top))


def _unlinked(folder: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (IsADirectoryError, PermissionError):
        return False
    return True


def _unlock(folder: int, name: str) -> None:
    """Make a folder of our own readable; links are never followed."""
    with suppress(NotADirectoryError, FileNotFoundError, PermissionError):
        fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.chmod(f"/proc/self/fd/{fd}", 0o700)
        finally:
            os.close(fd)


def _quietly(action: Callable[[], None]) -> None:
    """Somebody may put something in again at any time: the next round takes it."""
    with suppress(OSError):
        action()
