"""One run of the CLI, from its start until nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agents.harness.drivers.claude.command import TURN_MARK
from agents.harness.drivers.claude.reading import Reading
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


async def play(
    argv: Sequence[str], prompt: str, cwd: Path, env: Mapping[str, str], limits: Limits, reading: Reading
) -> None:
    """Raises OSError where the CLI cannot be started. Cancelled: interrupts it, then kills what is left."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(prompt.encode())
        stdin.seek(0)
        program = await Program.start(
            argv, cwd, env=env, stdin=stdin.fileno(), stderr=stderr.fileno(), line_limit=LINE_LIMIT
        )
        try:
            await _listen(program, limits, reading)
            if reading.result is not None:
                await _ended(program, LAST_WORDS_SECONDS)
        finally:
            await _stop(program, env[TURN_MARK])
        reading.stderr = _tail(stderr)


async def _listen(program: Program, limits: Limits, reading: Reading) -> None:
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


async def _stop(program: Program, mark: str) -> None:
    """A CLI that has ended by itself leaves its background programs to the agent; an interrupted one leaves nothing."""
    by_itself = program.process.returncode is not None
    try:
        if not by_itself:
            program.signal(signal.SIGINT)
            await _ended(program, INTERRUPT_SECONDS)
    finally:
        if not by_itself:
            _kill_marked(mark)
        await program.end()


async def _ended(program: Program, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(program.process.wait(), seconds)


def _kill_marked(mark: str) -> None:
    """Shells of the CLI run in sessions of their own, out of reach of its process group."""
    wanted = f"{TURN_MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with suppress(OSError):
            if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                os.kill(int(entry), signal.SIGKILL)


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - STDERR_KEPT))
    return file.read().decode("utf-8", errors="replace")
