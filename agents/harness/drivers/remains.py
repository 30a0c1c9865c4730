"""What a CLI leaves behind: its shells run in sessions of their own, out of reach of its process group.

Everything that it starts inherits a mark in its environment, and is found by that.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

TURN_MARK = "HIVE_TURN"
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def now() -> float:
    """Seconds since the machine's start, as the kernel dates processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def kill_marked(mark: str, since: float = 0.0) -> None:
    """End what carries the mark and was started after `since`."""
    wanted = f"{TURN_MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with suppress(OSError):
            if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0") and _started(entry) >= since:
                os.kill(int(entry), signal.SIGKILL)


def _started(pid: str) -> float:
    """proc_pid_stat(5), field 22; the second one may hold anything, parentheses too."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[19]) + 1) * _TICK
