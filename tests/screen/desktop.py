"""A real Xvnc, and a Tk window in it that writes down what is typed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents import command
from tests.broker.hive import until

SIZE = (640, 400)
_WINDOW = """
import pathlib, sys, tkinter
root = tkinter.Tk()
root.geometry("640x400+0+0")
root.configure(background="#205080")
said = tkinter.Text(root, font=("Helvetica", 28), background="#f0e0a0", height=3)
said.pack(fill="x", padx=40, pady=40)
said.focus_force()
heard = pathlib.Path(sys.argv[1])
def write(_):
    heard.with_suffix(".new").write_text(said.get("1.0", "end-1c"))
    heard.with_suffix(".new").replace(heard)
    said.edit_modified(False)
said.bind("<<Modified>>", write)
def note(name, text):
    with heard.with_name(name).open("a") as file:
        file.write(text + "\\n")
root.bind("<KeyRelease>", lambda event: note("lifted", event.keysym))
root.bind("<Button-1>", lambda event: note("clicks", f"{event.x_root},{event.y_root}"))
root.update()
heard.write_text("")
root.mainloop()
"""


def server() -> str:
    found = shutil.which("Xvnc")
    assert found, "these tests need Xvnc: apt install tigervnc-standalone-server"
    return found


class Desktop:
    """Listens on the Unix socket `at`, or on a port of 127.0.0.1."""

    def __init__(self, at: Path | None, *options: str, window: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hx", dir="/tmp"))
        self._at, self._options, self._window = at, options, window
        self._running: list[Any] = []

    def start(self) -> None:
        where: Sequence[str] = ("-rfbunixpath", str(self._at), "-rfbport", "-1") if self._at else ()
        read, write = os.pipe()
        options = self._options or ("-SecurityTypes", "None")
        words = [server(), "-displayfd", str(write), "-geometry", "{}x{}".format(*SIZE), "-depth", "24"]
        with (self.folder / "log").open("wb") as log:
            words += [*where, *options, "-localhost", "-nolisten", "tcp", "-AlwaysShared"]
            self._running.append(command.start(words, stdout=log, stderr=log, pass_fds=(write,)))
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        assert number, (self.folder / "log").read_text()
        self.display = f":{number}"
        if self._window:
            env = command.clean_environment(DISPLAY=self.display)
            words = [sys.executable, "-c", _WINDOW, str(self.folder / "heard")]
            self._running.append(command.start(words, env=env))
            until((self.folder / "heard").exists, 30, "the window")

    @property
    def heard(self) -> str:
        return (self.folder / "heard").read_text()

    @property
    def clicks(self) -> list[str]:
        return self._noted("clicks")

    @property
    def lifted(self) -> list[str]:
        """The keys that were let go of, one after the other."""
        return self._noted("lifted")

    def _noted(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        for process in reversed(self._running):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._at is not None:
            self._at.unlink(missing_ok=True)


@contextmanager
def desktop(at: Path | None, *options: str, window: bool = True) -> Iterator[Desktop]:
    shown = Desktop(at, *options, window=window)
    try:
        shown.start()
        yield shown
    finally:
        shown.close()


def viewer_id() -> str:
    return secrets.token_hex(16)
