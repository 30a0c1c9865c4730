"""Signals for one process of a hive."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.system.hive import Hive


def kill(hive: Hive, role: str, number: int = signal.SIGKILL) -> int:
    """Send the hive's web or worker process a signal, SIGKILL where none is named; returns its pid."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                mine = str(hive.root).encode() in (entry / "environ").read_bytes()
            except OSError:
                continue
            if mine and b"manage.py" in b" ".join(words[:3]) and role.encode() in words:
                os.kill(int(entry.name), number)
                return int(entry.name)
    raise AssertionError(f"no {role} process")
