"""Real sandboxes with a program written by the test, which answers over a pipe in its notes folder."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

from agents.containers import processes, record
from agents.containers.engine import LocalContainers
from agents.containers.protocol import ContainerSpec
from agents.paths import Paths

SECONDS = 20.0

PRELUDE = """
import json, os, signal, socket, sys, threading
me = os.environ["HIVE_LABEL"]
pipe = open(f"/agents/{me}/state/answers", "w")
def report(value):
    pipe.write(json.dumps(value) + "\\n"); pipe.flush()
def attempt(action):
    try:
        action(); return "done"
    except OSError as error:
        return type(error).__name__
def reach(host, port):
    return attempt(lambda: socket.create_connection((host, port), 1.5).close())
def reach_all(places):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(lambda place: reach(*place), places))
def write(path):
    return attempt(lambda: open(path, "w").write("x"))
def wait():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
    report("ready")
    while True:
        signal.pause()
"""


def spec(name: str = "alice", **changes: Any) -> ContainerSpec:
    wanted: dict[str, Any] = {
        "driver": "scripted",
        "network": "host",
        "memory_max": "256M",
        "cpu_quota": "50%",
        "environment": {},
    }
    return ContainerSpec(name=name, **{**wanted, **changes})


class Hive:
    """The containers of one test, and what their programs answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(root / "state", root / "run")
        self.containers = LocalContainers(self.paths)
        self._pipes: dict[str, int] = {}
        self._pending: dict[str, bytes] = {}

    def run(self, body: str = "wait()", name: str = "alice", **changes: Any) -> None:
        """Start an agent that executes `body` after the prelude."""
        self.runner(body).create(name)
        self._open_pipe(name)
        self.runner(body).start(spec(name, **changes))

    def runner(self, body: str, **options: Any) -> LocalContainers:
        return LocalContainers(self.paths, command=[sys.executable, "-c", f"{PRELUDE}\n{body}"], **options)

    def answer(self, name: str = "alice", seconds: float = SECONDS) -> Any:
        """The next value that the agent reported; raises `TimeoutError`."""
        pending = self._pending.get(name, b"")
        while b"\n" not in pending:
            if not select.select([self._pipes[name]], [], [], seconds)[0]:
                raise TimeoutError(f"{name} says nothing; its log: {self.containers.logs(name, 20)}")
            chunk = os.read(self._pipes[name], 65536)
            if not chunk:
                raise TimeoutError(f"{name} has ended; its log: {self.containers.logs(name, 20)}")
            pending += chunk
        line, _, self._pending[name] = pending.partition(b"\n")
        return json.loads(line)

    def falls_silent(self, name: str = "alice") -> bool:
        """True once nothing has been reported for a while; what had been on its way is taken."""
        try:
            for _ in range(100_000):
                self.answer(name, seconds=0.2)
        except TimeoutError:
            return True
        return False

    def process(self, role: str, name: str = "alice") -> processes.Process:
        found = record.process(record.read(str(self.paths.shim(name)), record.RUNNING), role)
        assert found is not None, f"no {role} is recorded for {name}"
        return found

    def whole(self, name: str = "alice") -> list[processes.Process]:
        """Every process of the container, its launcher and shim included."""
        pids = [self.process("shim", name)[0], *processes.descendants(self.process("shim", name)[0])]
        return [found for found in map(processes.identify, pids) if found is not None]

    def close(self) -> None:
        for name in self.containers.list():
            self.containers.stop(name, grace=0)
        for fd in self._pipes.values():
            os.close(fd)

    def _open_pipe(self, name: str) -> None:
        path = self.paths.notes(name) / "answers"
        if name not in self._pipes:
            os.mkfifo(path)
            os.chmod(path, 0o666)
            self._pipes[name] = os.open(path, os.O_RDWR | os.O_NONBLOCK)


def gone(found: list[processes.Process]) -> bool:
    """All of them end within the time a test may take."""
    return all(processes.wait_gone(process, SECONDS) for process in found)
