"""One CLI for many turns: it reads messages on stdin as they come (`--input-format stream-json`).

A turn costs a fifth of what a new process costs. The CLI is started anew, its session resumed, when it has died, when
something it was started with has changed, and after it was idle for a while (it fills some 200 MB).
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import IO, Any
from uuid import uuid4

from agents.harness.drivers import remains
from agents.harness.drivers.claude.process import (
    INTERRUPT_SECONDS,
    LINE_LIMIT,
    Launch,
    Limits,
    ended,
    kill_later,
    listen,
    tail,
)
from agents.harness.drivers.claude.reading import Reading
from agents.harness.drivers.session import SessionFile
from agents.harness.programs import Program

IDLE_SECONDS = 600.0
GOODBYE_SECONDS = 0.8


@dataclass
class Running:
    """A CLI that lives; `session` is the one it has in its head."""

    program: Program
    stdin: asyncio.StreamWriter
    stderr: IO[bytes]
    launch: Launch
    held: AsyncExitStack
    session: str | None = None

    @property
    def alive(self) -> bool:
        return self.program.process.returncode is None and not self.program.output.at_eof()


class Conversation:
    def __init__(self, session: SessionFile, idle_seconds: float = IDLE_SECONDS) -> None:
        self._session, self._idle_seconds = session, idle_seconds
        self._running: Running | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._killing: asyncio.TimerHandle | None = None
        self._interrupts = 0

    async def play(self, launch: Launch, prompt: str, limits: Limits, reading: Reading) -> None:
        await self._not_idle()
        running = await self._fitting(launch)
        began, ident = remains.now(), str(uuid4())
        reading.wanted = ident
        running.stderr.seek(0)
        running.stderr.truncate()
        try:
            message = {"role": "user", "content": [{"type": "text", "text": prompt}]}
            await _say(running, {"type": "user", "uuid": ident, "message": message})
            await listen(running.program, limits, reading)
        except asyncio.CancelledError:
            await self._stop(running, interrupt=True)
            raise
        finally:
            self._spare()
        reading.stderr = tail(running.stderr)
        await self._after(running, reading, began)

    def interrupt(self) -> None:
        if self._running is not None:
            _interrupt(self._running, self._next_interrupt())
            self._killing = kill_later(self._running.program)

    async def end(self) -> None:
        await self._not_idle()
        if self._running is not None:
            await self._say_goodbye(self._running)

    async def _fitting(self, launch: Launch) -> Running:
        """The CLI that lives, if it was started this way and has that session; else a new one."""
        running = self._running
        if running is not None and not (running.alive and _fits(running, launch)):
            await self._say_goodbye(running)
        if self._running is None:
            self._running = await self._start(launch)
        return self._running

    async def _start(self, launch: Launch) -> Running:
        held = AsyncExitStack()
        try:
            await held.enter_async_context(self._session.locked(launch.mark))
            stderr = held.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack is its context
            program = await Program.start(
                launch.words, launch.cwd, env=launch.environment, stdin=PIPE, stderr=stderr.fileno(),
                line_limit=LINE_LIMIT,
            )  # fmt: skip
        except BaseException:
            await held.aclose()
            raise
        assert program.process.stdin is not None  # noqa: S101 - a pipe was asked for
        return Running(program, program.process.stdin, stderr, launch, held, launch.session)

    async def _after(self, running: Running, reading: Reading, began: float) -> None:
        """A turn that ended in order leaves the CLI waiting for the next one."""
        if reading.result is None or not reading.tools_there or reading.login_refusals > 1 or not running.alive:
            await self._stop(running, interrupt=bool(reading.late))
            return
        running.session = reading.session
        if reading.interrupted:
            remains.kill_marked(running.launch.mark, since=began)
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._idle_seconds, self._rest)

    async def _stop(self, running: Running, *, interrupt: bool) -> None:
        """Nothing that the turn has started is left."""
        self._running = None
        try:
            if interrupt and running.alive:
                with suppress(OSError):
                    _interrupt(running, self._next_interrupt())
                await _result(running)
        finally:
            remains.kill_marked(running.launch.mark)
            await _gone(running)

    async def _say_goodbye(self, running: Running) -> None:
        """Between two turns: a closed stdin ends it, and what runs in the background is left to the agent."""
        self._running = None
        try:
            running.stdin.close()
            await ended(running.program, GOODBYE_SECONDS)
        finally:
            await _gone(running)

    def _rest(self) -> None:
        if self._running is not None:
            self._ending = asyncio.ensure_future(self._say_goodbye(self._running))

    async def _not_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._ending is not None:
            await self._ending
            self._ending = None

    def _spare(self) -> None:
        """The turn is over: nothing is left to be killed for it."""
        if self._killing is not None:
            self._killing.cancel()
            self._killing = None

    def _next_interrupt(self) -> str:
        self._interrupts += 1
        return f"interrupt-{self._interrupts}"


def _fits(running: Running, launch: Launch) -> bool:
    now = running.launch
    same = (now.argv, now.cwd, now.env) == (launch.argv, launch.cwd, launch.env)
    return same and running.session == launch.session


async def _say(running: Running, what: dict[str, Any]) -> None:
    """A CLI that is gone is noticed when it is listened to."""
    with suppress(OSError):
        running.stdin.write(json.dumps(what).encode() + b"\n")
        await running.stdin.drain()


def _interrupt(running: Running, ident: str) -> None:
    request = {"type": "control_request", "request_id": ident, "request": {"subtype": "interrupt"}}
    running.stdin.write(json.dumps(request).encode() + b"\n")


async def _result(running: Running) -> None:
    """Wait for the last word of a turn that was interrupted, so that its session is whole."""
    with suppress(TimeoutError):
        async with asyncio.timeout(INTERRUPT_SECONDS):
            while line := await running.program.output.readline():
                if b'"type":"result"' in line:
                    return


async def _gone(running: Running) -> None:
    running.stdin.close()
    await running.program.end()
    await running.held.aclose()
