"""Commands that run or have run: each under a keeper, which ends all of it when it ends."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.harness.bash.output import Output
from agents.harness.programs import PIECE, Program

MOST_RUNNING, MOST_REMEMBERED = 16, 64
KEEPER_SECONDS = 5.0
TRAILING_SECONDS = 0.5


class TooMany(Exception):
    """So many commands run already."""


@dataclass
class Job:
    """`status` is None while it runs; `ended_by` says why it did not end by itself."""

    number: int
    command: str
    cwd: Path
    background: bool
    output: Output
    began: float = field(default_factory=time.time)
    ended: float | None = None
    status: int | None = None
    ended_by: str = ""
    seen: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    @property
    def seconds(self) -> float:
        return (self.ended or time.time()) - self.began

    def state(self) -> str:
        if self.status is None:
            return f"running for {self.seconds:.0f} s"
        how = self.ended_by or f"exit status {self.status}"
        return f"{how}, after {self.seconds:.1f} s"


class Jobs:
    """`ended` hears of each background command whose end nobody has seen yet."""

    def __init__(self, folder: Path, ended: Callable[[Job], None]) -> None:
        self._folder, self._ended = folder, ended
        self._numbers = itertools.count(1)
        self._begun = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        self.all: dict[int, Job] = {}

    def running(self) -> list[Job]:
        return [job for job in self.all.values() if job.status is None]

    async def start(
        self, argv: list[str], command: str, *, cwd: Path, env: Mapping[str, str], seconds: float, background: bool
    ) -> Job:
        """Raises TooMany, and OSError or ValueError for what cannot be started."""
        if len(self.running()) >= MOST_RUNNING:
            raise TooMany(f"{MOST_RUNNING} commands run already; wait for one, or stop one with status")
        number = next(self._numbers)
        output = Output(self._folder / f"{self._begun}-{number}.log", always=background)
        program = await Program.start(argv, cwd, env=env)
        job = self.all[number] = Job(number, command, cwd, background, output)
        job._task = asyncio.ensure_future(self._carry(job, program, seconds))
        self._forget_old()
        return job

    async def stop(self, job: Job, why: str) -> None:
        """Returns when nothing of it is left."""
        if job.status is None and job._task is not None:
            job.ended_by = job.ended_by or why
            job._task.cancel()
        await job.done.wait()

    async def close(self) -> None:
        for job in self.running():
            job.seen = True
        await asyncio.gather(*(self.stop(job, "the harness ended") for job in self.running()))

    async def _carry(self, job: Job, program: Program, seconds: float) -> None:
        reading = asyncio.ensure_future(_read(program, job.output))
        try:
            await asyncio.wait_for(program.process.wait(), seconds)
            await asyncio.wait({reading}, timeout=TRAILING_SECONDS)
        except TimeoutError:
            job.ended_by = f"stopped after {seconds:g} s"
        except asyncio.CancelledError:
            job.ended_by = job.ended_by or "stopped"
        finally:
            await asyncio.shield(asyncio.ensure_future(self._finish(job, program, reading)))

    async def _finish(self, job: Job, program: Program, reading: asyncio.Future[None]) -> None:
        """The keeper kills what is left; only one that hangs is killed itself."""
        if program.process.returncode is None:
            program.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(program.process.wait(), KEEPER_SECONDS)
        except TimeoutError:
            job.ended_by = f"{job.ended_by}; some of it may still run"
        await asyncio.wait({reading}, timeout=TRAILING_SECONDS)
        reading.cancel()
        await program.end()
        job.output.close()
        job.ended, job.status = time.time(), program.process.returncode
        job.done.set()
        if job.background and not job.seen:
            self._ended(job)

    def _forget_old(self) -> None:
        over = len(self.all) - MOST_REMEMBERED
        for number in [number for number, job in self.all.items() if job.status is not None][: max(0, over)]:
            del self.all[number]


async def _read(program: Program, output: Output) -> None:
    while piece := await program.output.read(PIECE):
        output.take(piece)
