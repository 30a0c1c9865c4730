"""What a hive costs when nothing happens."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.system.hive import Hive

AGENTS = 20
SECONDS = 20.0
_TICK = os.sysconf("SC_CLK_TCK")


def measure(hive: Hive) -> dict[str, tuple[str, list[float]]]:
    """CPU of one core (%) and memory (MB) of web and worker with 20 idle agents, over five stretches."""
    present = len(hive.ctl("list"))
    for number in range(present, AGENTS):
        hive.ctl("spawn", f"i{number}", "--yes", "--wait")
    pids = _pids(hive)
    shares = []
    for _ in range(5):
        before = sum(_cpu(pid) for pid in pids)
        time.sleep(SECONDS / 5)
        shares.append((sum(_cpu(pid) for pid in pids) - before) / (SECONDS / 5) * 100)
    return {
        f"idle with {AGENTS} agents: web + worker, % of a core": ("≤ 1", shares),
        f"idle with {AGENTS} agents: web + worker, MB": ("≤ 250", [sum(_memory(pid) for pid in pids)]),
    }


def _pids(hive: Hive) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mine = str(hive.root).encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if mine and b"manage.py" in b" ".join(words[:3]) and {b"web", b"worker"} & set(words):
            found.append(int(entry.name))
    return found


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
