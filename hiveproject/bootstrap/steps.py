"""The steps in their order."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hiveproject.bootstrap import browser, python, system
from hiveproject.bootstrap.ground import CLONE, PYTHON, CannotSetUp

__all__ = ["CannotSetUp", "main"]


def main(what: str) -> int:
    """`run` sets up and becomes the hive; `test` sets up what the tests need; `lock` writes the pinned requirements."""
    os.chdir(CLONE)
    os.umask(0o022)  # the hive's own user reads all of it
    if what == "lock":
        python.lock()
        return 0
    with _alone():
        _set_up(tests=what == "test")
    if what == "run":
        os.execv(PYTHON, [str(PYTHON), str(CLONE / "manage.py"), "up"])  # noqa: S606 - no shell wanted
    return 0


def _set_up(*, tests: bool) -> None:
    system.ensure(tests=tests)
    python.ensure(tests=tests)
    browser.ensure(tests=tests)


@contextmanager
def _alone() -> Iterator[None]:
    """Two set-ups in one clone wait for each other."""
    descriptor = os.open(CLONE, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
