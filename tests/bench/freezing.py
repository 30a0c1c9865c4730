"""How long it takes to hold a whole swarm: `python -m tests.bench.freezing`, and a part of `make bench`.

Fifty real sandboxes, each with a program that works without pause, so that the kernel has something to hold.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from agents.containers.engine import LocalContainers
from agents.containers.protocol import ContainerSpec
from agents.paths import Paths

AGENTS, ROUNDS = 50, 5
WORK = "import time\nwhile True:\n    sum(range(2000)); time.sleep(0.01)"


def measure(count: int = AGENTS) -> dict[str, tuple[str, list[float]]]:
    """Seconds from the worker's call until the kernel holds all of them, and until it has let all of them go."""
    root = Path(tempfile.mkdtemp(prefix="hh", dir="/tmp"))
    root.chmod(0o755)
    containers = LocalContainers(Paths(root / "s", root / "r"), command=[sys.executable, "-S", "-c", WORK])
    names = [f"z{number}" for number in range(count)]
    try:
        for name in names:
            containers.start(_spec(name))
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(ROUNDS):
            for frozen in (True, False):
                seconds[frozen].append(_timed(containers, names, frozen=frozen))
    finally:
        for name in names:
            containers.stop(name, 0)
        shutil.rmtree(root, ignore_errors=True)
    return {
        f"freeze {count} agents, s": ("≤ 0.5", seconds[True]),
        f"thaw {count} agents, s": ("≤ 0.5", seconds[False]),
    }


def _spec(name: str) -> ContainerSpec:
    return ContainerSpec(name, driver="scripted", network="host", memory_max="64M", cpu_quota="10%")


def _timed(containers: LocalContainers, names: list[str], *, frozen: bool) -> float:
    begun = time.monotonic()
    failed = containers.hold(names, frozen=frozen)
    if failed:
        raise RuntimeError(f"not held: {failed}")
    return time.monotonic() - begun


if __name__ == "__main__":
    for label, (goal, values) in measure().items():
        sys.stdout.write(f"{label}: {', '.join(f'{value:.3f}' for value in values)}   goal {goal}\n")
