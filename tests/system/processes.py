"""Signals for one process of a hive."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.system.hive import Hive


def kill(hive: Hive, role: str, number: int = signal.SIGKILL) -> int:
    """Send the hive's web or worker process a signal, SIGKILL where none is named; returns its pid."""
    pid = pid_of(hive, role)
    os.kill(pid, number)
    return pid


def pid_of(hive: Hive, role: str) -> int:
    """Of the hive's web or worker process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                mine = str(hive.root).encode() in (entry / "environ").read_bytes()
            except OSError:
                continue
            if mine and b"manage.py" in b" ".join(words[:3]) and role.encode() in words:
                return int(entry.name)
    raise AssertionError(f"no {role} process")


def age(pid: int) -> float:
    """Seconds since the process was started (proc_pid_stat(5), field 22)."""
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text().split()[0])
    return up - started / os.sysconf("SC_CLK_TCK")
