"""Work that somebody may call off while it is done: a build whose approval is cancelled.

Inside `stoppable` a program that is waited for is ended, and a wait is left, as soon as the question is answered yes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

LOOK_SECONDS = 0.2
_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("wanted", default=None)


class Interrupted(Exception):
    """The work was called off."""


@contextlib.contextmanager
def stoppable(wanted: Callable[[], bool]) -> Iterator[None]:
    """Leave the block with `Interrupted` when `wanted()` turns true at one of its waits."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


@contextlib.contextmanager
def unstoppable() -> Iterator[None]:
    """For a step that has to be finished once it has begun."""
    token = _wanted.set(None)
    try:
        yield
    finally:
        _wanted.reset(token)


def check() -> None:
    """Raises `Interrupted` when the work was called off."""
    wanted = _wanted.get()
    if wanted is not None and wanted():
        raise Interrupted


def patience(seconds: float) -> float:
    """How long to wait before the next `check`."""
    return min(seconds, LOOK_SECONDS) if _wanted.get() is not None else seconds
