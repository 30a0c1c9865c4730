"""Programs that a turn starts: each in its own process group, none of which outlives its use."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PIECE = 64 * 1024
TRAILING_SECONDS = 0.2


class OutOfTime(Exception):
    """The program was stopped; `output` is what it had written."""

    def __init__(self, output: bytes) -> None:
        super().__init__("out of time")
        self.output = output


class Program:
    """A running program. Its output is a pipe of ours: with asyncio's own, `wait` lasts (before Python 3.13) until
    everything that it left running has closed the pipe too."""

    def __init__(self, process: Process, output: asyncio.StreamReader, pipe: asyncio.BaseTransport) -> None:
        self.process, self.output, self._pipe = process, output, pipe

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        cwd: Path,
        *,
        env: Mapping[str, str] | None = None,
        stdin: int = DEVNULL,
        stderr: int = STDOUT,
        line_limit: int = PIECE,
    ) -> Program:
        """Raises OSError or ValueError for what cannot be started."""
        reading, writing = os.pipe()
        output = asyncio.StreamReader(limit=line_limit)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb", 0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=cwd, env=env, stdin=stdin, stdout=writing, stderr=stderr, start_new_session=True
            )
        except BaseException:
            pipe.close()
            raise
        finally:
            os.close(writing)
        return cls(process, output, pipe)

    def signal(self, number: signal.Signals) -> None:
        """To its whole group, which can be reached as long as one member lives."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def end(self) -> None:
        """Nothing of its group runs afterwards."""
        self.signal(signal.SIGKILL)
        self._pipe.close()
        await self.process.wait()


async def run(
    argv: Sequence[str], cwd: Path, *, seconds: float, limit: int, env: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Exit status and the first `limit` bytes it wrote. Raises OSError or ValueError (not startable), OutOfTime."""
    program = await Program.start(argv, cwd, env=env)
    kept = bytearray()
    reading = asyncio.ensure_future(_keep(program.output, kept, limit))
    try:
        status = await asyncio.wait_for(program.process.wait(), seconds)
        await asyncio.wait({reading}, timeout=TRAILING_SECONDS)
        return status, bytes(kept)
    except TimeoutError as error:
        raise OutOfTime(bytes(kept)) from error
    finally:
        reading.cancel()
        await program.end()


async def _keep(output: asyncio.StreamReader, kept: bytearray, limit: int) -> None:
    """Reads everything, so that the program never waits for us; keeps the beginning."""
    while piece := await output.read(PIECE):
        kept += piece[: limit - len(kept)]
