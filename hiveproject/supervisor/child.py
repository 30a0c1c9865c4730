"""One process that is kept running."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents import command
from hiveproject.supervisor.log import Lines, Terminal

if TYPE_CHECKING:
    import subprocess  # noqa: TID251 - a type only

FAST_SECONDS = 10.0
MAX_FAST_DEATHS = 5
# A child that floods its log must not keep the supervisor from the others.
_READS_AT_ONCE = 16
_DELAYS = (0.1, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Program:
    """What to start, and with which of our descriptors."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    pass_fds: Sequence[int] = ()


class Child:
    """Starts a program in a session of its own, shows what it writes, and says when to start it again."""

    def __init__(self, program: Program, terminal: Terminal) -> None:
        self.name = program.name
        self.lines = Lines(program.name, terminal)
        self._program, self._terminal = program, terminal
        self._process: subprocess.Popen[bytes] | None = None
        self._output: int | None = None
        self._begun = 0.0
        self._due: float | None = None
        self._fast_deaths = 0

    @property
    def pid(self) -> int | None:
        """None when it does not run."""
        return None if self._process is None else self._process.pid

    @property
    def output(self) -> int | None:
        """Where to wait for its words; None once it has closed that."""
        return self._output

    @property
    def has_given_up(self) -> bool:
        return self._process is None and self._fast_deaths >= MAX_FAST_DEATHS

    @property
    def is_due(self) -> bool:
        return self._due is not None and time.monotonic() >= self._due

    def start(self) -> None:
        reader, writer = os.pipe()
        program = self._program
        try:
            self._process = command.start(
                program.argv, env=program.env, cwd="/", stdout=writer, stderr=writer, pass_fds=program.pass_fds
            )
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        self._close_output()
        self._output, self._due, self._begun = reader, None, time.monotonic()

    def read(self) -> None:
        """Show what it has written."""
        if self._output is None:
            return
        with suppress(BlockingIOError):
            for _ in range(_READS_AT_ONCE):
                data = os.read(self._output, 65536)
                if not data:
                    self._close_output()
                    return
                self.lines.add(data)

    def collect(self) -> None:
        """Take note when it has ended; it is then due again after a while, the longer the faster it dies."""
        if self._process is None or self._process.poll() is None:
            return
        code, self._process = self._process.returncode, None
        self.read()
        fast = time.monotonic() - self._begun < FAST_SECONDS
        self._fast_deaths = self._fast_deaths + 1 if fast else 1
        self._due = time.monotonic() + _DELAYS[min(self._fast_deaths, len(_DELAYS)) - 1]
        self._terminal.say(f"{self.name} ended ({_how(code)})")

    def ask_to_end(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def has_ended(self) -> bool:
        """True when it does not run; unlike `collect` without any plan to start it again."""
        self._due = None
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        return self._process is None

    def kill(self) -> None:
        """End it and all of its session now."""
        if self._process is not None:
            command.kill_group(self._process)
            self._process = None

    def _close_output(self) -> None:
        self.lines.finish()
        if self._output is not None:
            os.close(self._output)
        self._output = None


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
