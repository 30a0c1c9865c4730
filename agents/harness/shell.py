"""A shell on a pseudoterminal (pty(7)) that the harness owns; nothing of its session outlives it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

PIECE = 64 * 1024
GRACE_SECONDS = 0.3
_SHELLS = ("bash", "sh")


class Shell:
    """`read` and `write` wait, so that neither side is filled faster than the other empties it."""

    def __init__(self, process: Process, master: int) -> None:
        self.process, self._master = process, master
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(cls, folder: Path, columns: int, rows: int, env: Mapping[str, str]) -> Shell:
        """Raises OSError where there is no PTY or no shell."""
        master, slave = os.openpty()
        try:
            os.set_blocking(master, False)
            _set_size(master, columns, rows)
            process = await asyncio.create_subprocess_exec(
                *_argv(env), cwd=folder, env=dict(env), stdin=slave, stdout=slave, stderr=slave
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(process, master)

    def resize(self, columns: int, rows: int) -> None:
        _set_size(self._master, columns, rows)

    async def read(self) -> bytes:
        """What was written to the terminal; empty when nobody has it open any more."""
        while True:
            try:
                return os.read(self._master, PIECE)
            except BlockingIOError:
                await self._until(self._loop.add_reader, self._loop.remove_reader)
            except OSError:  # EIO: the last one has closed it
                return b""

    async def write(self, data: bytes) -> None:
        """Type `data`. What the terminal no longer takes is lost with it."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._master, left) :]
            except BlockingIOError:
                await self._until(self._loop.add_writer, self._loop.remove_writer)
            except OSError:
                return

    async def end(self) -> int:
        """Hang up, then kill what is left of the session; the shell's exit status."""
        _signal(self.process.pid, signal.SIGHUP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), GRACE_SECONDS)
        while _signal(self.process.pid, signal.SIGKILL):  # noqa: ASYNC110 - one may have forked meanwhile
            await asyncio.sleep(0.01)
        os.close(self._master)
        return await self.process.wait()

    async def _until(self, add: Callable[..., None], remove: Callable[[int], object]) -> None:
        ready = asyncio.Event()
        add(self._master, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._master)


def _argv(env: Mapping[str, str]) -> list[str]:
    """`setsid --ctty`: a session of its own with this terminal in control, without code between fork and exec."""
    found = [path for name in _SHELLS if (path := shutil.which(name, path=env.get("PATH", os.defpath)))]
    setsid = shutil.which("setsid", path=env.get("PATH", os.defpath))
    if not found or setsid is None:
        raise FileNotFoundError("there is no shell in this container (looked for bash, sh and setsid)")
    return [setsid, "--ctty", found[0], "-l"]


def _set_size(master: int, columns: int, rows: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _signal(session: int, number: signal.Signals) -> int:
    """To every living process of the session, whichever group its shell has put it into; how many there were."""
    reached = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                state, _, _, its_session = _stat(entry)[:4]
                if int(its_session) == session and state != "Z":
                    os.kill(int(entry.name), number)
                    reached += 1
    return reached


def _stat(process: Path) -> list[str]:
    """proc_pid_stat(5) from its third field on; the second may hold anything."""
    return (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
