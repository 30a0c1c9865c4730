"""Starting and ending the servers that are compared, each in a temporary folder on loopback."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents import command

REPOSITORY = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0


class Server:
    """One process with its folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hbb", dir="/tmp"))
        self.folder.chmod(0o755)
        self.process: Any = None

    def start(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        self._log = (self.folder / "log").open("ab")
        self.process = command.start(argv, env=env or command.clean_environment(), stdout=self._log, stderr=self._log)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until it is up. Raises `RuntimeError` with its log when it does not come up."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
