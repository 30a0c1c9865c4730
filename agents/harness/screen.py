"""The agent's screen: an X server that answers VNC on the socket the host handed in, started again when it ends.

Without a window manager and with little on it: what is shown there is the agent's business. `gui.json` tells the
agent's programs that it exists; nobody on the host believes it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import stat
import struct
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agents.harness.journal import Emit

NOTE = Path("/etc/hyperhive/gui.json")
SERVERS = ("Xvnc", "Xtigervnc")
SIZE = "1280x800"
READY_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 1.0, 60.0, 30.0
_BACKGROUND = ("xsetroot", "-solid", "#26333d", "-cursor_name", "left_ptr")
_TERMINALS = ("xterm", "x-terminal-emulator")
_X_SOCKETS = "/tmp/.X11-unix"  # noqa: S108 - where X looks, in the sandbox's own /tmp
_ANY_HOST, _COOKIE = 0xFFFF, b"MIT-MAGIC-COOKIE-1"
_LOW_FDS = 10


class NoServer(Exception):
    """The screen cannot come up; the text says what to do."""


def handed_in(environ: Mapping[str, str] = os.environ) -> int | None:
    """The listening descriptor, kept from programs that are started; None where the agent has no screen."""
    number = environ.get("HIVE_SCREEN_FD", "")
    if not number.isdecimal():
        return None
    fd = int(number)
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return None
    except OSError:
        return None
    os.set_inheritable(fd, False)
    return fd


class Screen:
    """One X server at a time on the descriptor `listening`."""

    def __init__(self, listening: int, name: str, emit: Emit, environ: Mapping[str, str] = os.environ) -> None:
        self._listening, self._name, self._emit = listening, name, emit
        self._environ = dict(environ)
        self._display = environ["DISPLAY"]
        self._authority = Path(environ["HOME"]) / ".Xauthority"
        self._programs: list[Process] = []
        self.shown = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled, or for good when there is no server to start."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        try:
            while True:
                begun = loop.time()
                status = await self._serve()
                pause = FIRST_PAUSE if loop.time() - begun > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
                self._emit("screen", text=f"the X server ended with {status}, another try in {pause:.0f} s")
                await asyncio.sleep(pause)
        except (NoServer, OSError) as error:
            self._emit("screen", text=str(error))
        finally:
            await self._end()

    async def _serve(self) -> int:
        """Start the server and what belongs to it; the server's exit status. Raises `NoServer`."""
        await self._end()
        os.makedirs(_X_SOCKETS, mode=0o1777, exist_ok=True)
        write_authority(self._authority, self._display)
        reading, writing = os.pipe()
        told = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, _LOW_FDS)  # the server puts its socket at 3
        os.close(writing)
        try:
            server = await self._start(self._command(told), stdin=self._listening, pass_fds=(told,))
        finally:
            os.close(told)
        if await _line(reading):
            self.shown.set()
            self._write_note()
            self._emit("screen", text=f"display {self._display} is up")
            await self._furnish()
        else:
            server.kill()
        status = await server.wait()
        self.shown.clear()
        return status

    def _command(self, told: int) -> list[str]:
        found = next(filter(None, map(shutil.which, SERVERS)), None)
        if found is None:
            raise NoServer("no screen: Xvnc is missing (apt install tigervnc-standalone-server)")
        words = [found, self._display, "-inetd", "-SecurityTypes", "None", "-auth", str(self._authority)]
        words += ["-geometry", SIZE, "-depth", "24", "-AlwaysShared", "-nolisten", "tcp", "-desktop", self._name]
        return [*words, "-displayfd", str(told)]

    async def _furnish(self) -> None:
        """A ground that is not black, and a terminal where there is one."""
        terminal = next(filter(None, map(shutil.which, _TERMINALS)), None)
        for words in (_BACKGROUND, (terminal,)):
            if words[0] is not None and shutil.which(words[0]):
                with suppress(OSError):
                    await self._start([word for word in words if word])

    def _write_note(self) -> None:
        note = {"vnc_socket": "/run/hive/vnc.sock", "auth": "none", "display": self._display}
        try:
            NOTE.write_text(json.dumps(note) + "\n")
        except OSError as error:
            self._emit("screen", text=f"{NOTE} cannot be written: {error.strerror}")

    async def _start(self, words: Sequence[str], *, stdin: int = DEVNULL, pass_fds: Sequence[int] = ()) -> Process:
        started = await asyncio.create_subprocess_exec(
            *words,
            stdin=stdin,
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=self._environ,
            cwd=self._environ["HOME"],
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self._programs.append(started)
        return started

    async def _end(self) -> None:
        programs, self._programs = self._programs, []
        for program in reversed(programs):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGKILL)
        for program in programs:
            await program.wait()


def write_authority(path: Path, display: str) -> None:
    """A new cookie in xauth's format (Xau(3)): in the host's network other users can reach the display, too."""
    fields = (b"", display.removeprefix(":").encode(), _COOKIE, secrets.token_bytes(16))
    entry = struct.pack(">H", _ANY_HOST) + b"".join(struct.pack(">H", len(field)) + field for field in fields)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(entry)
    new.replace(path)


async def _line(fd: int) -> bytes:
    """What the server writes when it is ready; empty when it ends before, or takes too long."""
    reader = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0)
    )
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await reader.readline()
    except TimeoutError:
        return b""
    finally:
        pipe.close()
