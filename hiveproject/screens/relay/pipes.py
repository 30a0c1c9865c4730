"""Pipes for splice(2): a carried screen has one only while bytes are in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

SIZE = 256 * 1024
_KEPT = 8
_SET_SIZE = 1031  # F_SETPIPE_SZ, fcntl(2)

Pipe = tuple[int, int]
_free: list[Pipe] = []


def take() -> Pipe:
    if _free:
        return _free.pop()
    pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with suppress(OSError):  # a user may have only so many pages in pipes; a smaller one works as well
        fcntl.fcntl(pipe[1], _SET_SIZE, SIZE)
    return pipe


def give_back(pipe: Pipe) -> None:
    """Only one that is empty."""
    if len(_free) < _KEPT:
        _free.append(pipe)
    else:
        close(pipe)


def close(pipe: Pipe) -> None:
    for end in pipe:
        os.close(end)
