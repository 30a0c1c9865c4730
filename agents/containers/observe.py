"""What can be known of local containers without any privilege: from the shims' files and the kernel."""

from __future__ import annotations

import os
import shlex
from typing import Any

from agents.containers import processes, record
from agents.containers.logfile import tail
from agents.containers.protocol import ExitStatus, Lines
from agents.naming import NameRefused, agent_name
from agents.paths import Paths

MAX_LINES = 2000
_SHIM_SECONDS = 5.0


class Observed:
    """The half of `Containers` that only looks."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def list(self) -> list[str]:
        """Agents that have a container: created or started, and not destroyed."""
        try:
            found = [entry.name for entry in self._paths.shim("x").parent.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in found if _is_name(name))

    def is_running(self, name: str) -> bool:
        return record.is_running(self._folder(name))

    def exit_status(self, name: str) -> ExitStatus | None:
        running = self._running(name)
        if running is not None:
            if self.is_running(name):
                return None
            shim = record.process(running, "shim")
            if shim is not None:  # it is about to write down how the run ended
                processes.wait_gone(shim, _SHIM_SECONDS)
        if self._running(name) is not None:
            return ExitStatus(**record.ended_by_force(self._folder(name)))
        ended = record.read(self._folder(name), record.ENDED)
        return ExitStatus(**ended) if isinstance(ended, dict) else None

    def entry(self, name: str) -> str | None:
        harness = record.process(self._running(name), "harness")
        if harness is None or not self.is_running(name):
            return None
        return shlex.join([*_entry(harness[0]), "/bin/sh", "-l"])

    def logs(self, name: str, lines: int = 200) -> Lines:
        return tail(str(self._paths.container_log(name)), max(0, min(lines, MAX_LINES)))

    def _folder(self, name: str) -> str:
        return str(self._paths.shim(name))

    def _running(self, name: str) -> dict[str, Any] | None:
        found = record.read(self._folder(name), record.RUNNING)
        return found if isinstance(found, dict) else None


def _entry(harness: int) -> list[str]:
    """nsenter(1) as the agent's user; only root may join namespaces that it did not make."""
    uid = str(os.stat(f"/proc/{harness}").st_uid)
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
    return ["sudo", "nsenter", "--target", str(harness), *namespaces, "--setuid", uid, "--setgid", uid]


def _is_name(name: str) -> bool:
    try:
        return agent_name(name) == name
    except NameRefused:
        return False
