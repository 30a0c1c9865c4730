"""One run of the CLI, from its start until nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol
from uuid import uuid4

from agents.harness.drivers import remains
from agents.harness.drivers.claude.reading import Reading
from agents.harness.drivers.session import SessionFile
from agents.harness.programs import Program

LINE_LIMIT = 32 * 1024 * 1024
STDERR_KEPT = 4096
LAST_WORDS_SECONDS = 3.0
INTERRUPT_SECONDS = 2.0


@dataclass(frozen=True)
class Limits:
    """Seconds; `idle` without any event."""

    turn: float
    idle: float | None


@dataclass(frozen=True)
class Launch:
    """How a CLI is started; `resume` are the words that say which session it goes on with."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    session: str | None = None
    resume: tuple[str, ...] = ()
    mark: str = field(default_factory=lambda: uuid4().hex, compare=False)

    @property
    def words(self) -> list[str]:
        return [*self.argv, *self.resume]

    @property
    def environment(self) -> dict[str, str]:
        return {**self.env, remains.TURN_MARK: self.mark}


class Player(Protocol):
    """A way to have the CLI do turns; one at a time."""

    async def play(self, launch: Launch, prompt: str, limits: Limits, reading: Reading) -> None:
        """Raises OSError where the CLI cannot be started. Cancelled: interrupts it, then kills what is left."""
        ...

    def interrupt(self) -> None:
        """Have the turn that runs end; what does not end in time is killed."""
        ...

    async def end(self) -> None:
        """Nothing of a CLI that waits for another turn is left."""
        ...


class ProcessPerTurn:
    """Starts the CLI anew for each turn. The prompt comes on stdin: it may be longer than an argument can be."""

    def __init__(self, session: SessionFile) -> None:
        self._session = session
        self._program: Program | None = None

    async def play(self, launch: Launch, prompt: str, limits: Limits, reading: Reading) -> None:
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.write(prompt.encode())
            stdin.seek(0)
            async with self._session.locked(launch.mark):
                await self._run(launch, limits, reading, stdin, stderr)
            reading.stderr = tail(stderr)

    def interrupt(self) -> None:
        if (program := self._program) is not None:
            program.signal(signal.SIGINT)
            kill_later(program)

    async def end(self) -> None:
        """Each turn ends its own."""

    async def _run(self, launch: Launch, limits: Limits, reading: Reading, stdin: IO[bytes], stderr: IO[bytes]) -> None:
        program = await Program.start(
            launch.words, launch.cwd, env=launch.environment, stdin=stdin.fileno(), stderr=stderr.fileno(),
            line_limit=LINE_LIMIT,
        )  # fmt: skip
        self._program = program
        try:
            await listen(program, limits, reading)
            if reading.result is not None:
                await ended(program, LAST_WORDS_SECONDS)
        finally:
            self._program = None
            await _stop(program, launch.mark, interrupted=reading.interrupted)


async def listen(program: Program, limits: Limits, reading: Reading) -> None:
    """Take event after event until the turn is over, late, or the CLI has ended."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.turn
    while not reading.over:
        left = end - loop.time()
        idle = left if limits.idle is None else min(left, limits.idle)
        try:
            line = await asyncio.wait_for(program.output.readline(), idle)
        except TimeoutError:
            late = idle < left
            reading.late = f"no sign of life for {limits.idle:g} s" if late else f"not done after {limits.turn:g} s"
            return
        if not line:
            return
        reading.take_line(line)


async def _stop(program: Program, mark: str, *, interrupted: bool) -> None:
    """A CLI that has ended by itself leaves its background programs to the agent; an interrupted one leaves nothing."""
    by_itself = program.process.returncode is not None
    try:
        if not by_itself:
            program.signal(signal.SIGINT)
            await ended(program, INTERRUPT_SECONDS)
    finally:
        if not by_itself or interrupted:
            remains.kill_marked(mark)
        await program.end()


async def ended(program: Program, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(program.process.wait(), seconds)


def kill_later(program: Program) -> asyncio.TimerHandle:
    """A CLI that does not do as it was told; one that has ended meanwhile is out of reach."""

    def kill() -> None:
        if program.process.returncode is None:
            program.signal(signal.SIGKILL)

    return asyncio.get_running_loop().call_later(INTERRUPT_SECONDS, kill)


def tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - STDERR_KEPT))
    return file.read().decode("utf-8", errors="replace")
