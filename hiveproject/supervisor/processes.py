"""What descends from this process: collected when it has ended, ended when the hive stops."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_END_SECONDS = 5.0


def reap(known: Collection[int | None]) -> None:
    """Collect orphans that have ended; children in `known` are somebody else's to collect."""
    with suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if found.si_pid in known:
                return
            os.waitpid(found.si_pid, 0)


def end_descendants() -> None:
    """Kill every process that descends from this one, until there is none."""
    deadline = time.monotonic() + _END_SECONDS
    while (pids := descendants(os.getpid())) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap(())
        time.sleep(0.01)


def descendants(ancestor: int) -> list[int]:
    """Every process below `ancestor`, ended ones that nobody has collected included."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    ahead = [ancestor]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    return found
