"""A harness as a process of its own, the way a container starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Agent:
    """Its folders and its process."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.run_dir, self.notes, self.home = folder / "run", folder / "notes", folder / "home"
        for path in (self.run_dir, self.notes, self.home):
            path.mkdir()
        self.port = free_port()
        self.config: dict[str, Any] = {"name": "alice", "driver": "scripted", "options": {}, **config}
        self.env: dict[str, str] = {}
        self.enter: tuple[str, ...] = ()
        self.lines: list[str] = []
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def write(self, token: str) -> None:
        (self.run_dir / "token").write_text(token)
        (self.run_dir / "config.json").write_text(json.dumps(self.config))

    async def start(self) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "HIVE_RUN_DIR": str(self.run_dir),
            "HIVE_PORT": str(self.port),
            "HIVE_LABEL": "alice",
            "HYPERHIVE_STATE_DIR": str(self.notes),
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            **self.env,
        }
        self._process = await asyncio.create_subprocess_exec(
            *self.enter, sys.executable, "-m", "agents.harness", cwd=ROOT, env=env, stdout=PIPE, stderr=STDOUT
        )
        self._reading = asyncio.ensure_future(self._read())

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.exit_code()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def exit_code(self, seconds: float = 10) -> int:
        code = await asyncio.wait_for(self.process.wait(), seconds)
        if self._reading is not None:
            await self._reading
        return code

    async def until(self, wanted: Callable[[], object], seconds: float = 20) -> None:
        """Wait for something that only the file system tells."""
        async with asyncio.timeout(seconds):
            while not wanted():  # noqa: ASYNC110 - a file gives no event
                await asyncio.sleep(0.02)

    def log(self) -> str:
        return "\n".join(self.lines)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))


def is_alive(pid: int) -> bool:
    """A process that has ended but was not collected yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
