"""The one place that starts other programs and waits for them.

An argument list, never a shell; an explicit environment; a time limit; bounded output.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agents import interruption

MAX_OUTPUT = 64 * 1024 * 1024
_CHUNK = 65536

OnOutput = Callable[[str], None]
_inherited: ContextVar[tuple[int, ...]] = ContextVar("inherited", default=())


@dataclass(frozen=True)
class Completed:
    """What a program that ended with code 0 wrote (bytes; empty where the output went elsewhere)."""

    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace").strip()


class CommandFailed(Exception):
    """A program ended with a code other than 0, ran out of time, wrote too much, or could not be started.

    `code` is the exit code, negative for a signal, 127 when the program is missing.
    """

    def __init__(self, argv: Sequence[str], code: int, stderr: str) -> None:
        self.argv = tuple(argv)
        self.code = code
        self.stderr = stderr.strip()
        super().__init__(f"{shlex.join(argv)[:200]} failed ({code}): {self.stderr[-2000:]}")


class CommandTimedOut(CommandFailed):
    """The program was killed because its time was up."""


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment every program starts with: a search path, UTF-8, and what the caller names."""
    path = os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if "/usr/sbin" not in path.split(":"):
        path = f"{path}:/usr/sbin:/sbin"
    return {"PATH": path, "LC_ALL": "C.UTF-8", **extra}


@contextlib.contextmanager
def inherited(descriptor: int) -> Iterator[None]:
    """Programs started inside the block get this descriptor too (a lock that must live as long as they do)."""
    token = _inherited.set((*_inherited.get(), descriptor))
    try:
        yield
    finally:
        _inherited.reset(token)


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Iterable[int] = (),
    new_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a program and return without waiting. Raises `CommandFailed` (127) when it cannot be started."""
    words = [str(word) for word in argv]
    try:
        return subprocess.Popen(
            words,
            env=dict(clean_environment() if env is None else env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(*pass_fds, *_inherited.get()),
            start_new_session=new_session,
        )
    except OSError as error:
        raise CommandFailed(words, 127, str(error)) from error


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    input: bytes | None = None,
    stdout: int | None = None,
    pass_fds: Iterable[int] = (),
    max_output: int = MAX_OUTPUT,
    on_output: OnOutput | None = None,
) -> Completed:
    """Run a program to its end.

    `timeout` in seconds; `stdout` is a descriptor that takes the output instead of memory; `on_output` gets the
    text of both streams as it comes. Raises `CommandFailed`, and `Interrupted` where the work may be called off.
    """
    words = [str(word) for word in argv]
    process = start(
        words,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
    )
    streams = _Streams(process, words, input or b"", max_output, on_output)
    try:
        out, err = streams.until(time.monotonic() + timeout)
    except BaseException:
        kill_group(process)
        raise
    if process.returncode != 0:
        raise CommandFailed(words, process.returncode, err.decode(errors="replace"))
    return Completed(out, err)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program together with what it started in its own session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()


class _Streams:
    """Feeds a program's input and collects its output without ever waiting for one of them alone."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        words: Sequence[str],
        data: bytes,
        max_output: int,
        on_output: OnOutput | None,
    ) -> None:
        self.process, self.words, self.max_output, self.on_output = process, words, max_output, on_output
        self.pending = memoryview(data)
        self.collected = {"stdout": bytearray(), "stderr": bytearray()}
        self.selector = selectors.DefaultSelector()
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self.selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                self.selector.register(stream, selectors.EVENT_READ, name)

    def until(self, deadline: float) -> tuple[bytes, bytes]:
        """(stdout, stderr) once the program has ended; raises `CommandFailed` when it has not by `deadline`."""
        with self.selector:
            while self.selector.get_map():
                interruption.check()
                for key, _ in self.selector.select(interruption.patience(self._remaining(deadline))):
                    self._feed() if key.data == "stdin" else self._collect(key)
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._too_slow() from None
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return bytes(self.collected["stdout"]), bytes(self.collected["stderr"])

    def _remaining(self, deadline: float) -> float:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise self._too_slow()
        return remaining

    def _too_slow(self) -> CommandTimedOut:
        return CommandTimedOut(self.words, -signal.SIGKILL, "took too long and was ended")

    def _feed(self) -> None:
        stream = self.process.stdin
        if stream is None:
            return
        try:
            written = os.write(stream.fileno(), self.pending[:_CHUNK]) if self.pending else 0
        except BrokenPipeError:
            written = len(self.pending)
        self.pending = self.pending[written:]
        if not self.pending:
            self.selector.unregister(stream)
            stream.close()

    def _collect(self, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, _CHUNK)
        if not chunk:
            self.selector.unregister(key.fileobj)
            return
        self.collected[key.data] += chunk
        if sum(map(len, self.collected.values())) > self.max_output:
            raise CommandFailed(self.words, -signal.SIGKILL, f"wrote more than {self.max_output} bytes and was ended")
        if self.on_output is not None:
            self.on_output(chunk.decode(errors="replace"))
