"""The hive's log on the terminal: every line says which process wrote it."""

from __future__ import annotations

import os
import sys

_MAX_LINE = 8192


class Terminal:
    """Writes lines; goes on in silence once nobody reads them."""

    def __init__(self) -> None:
        self._open = True

    def say(self, text: str = "") -> None:
        if not self._open:
            return
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except (BrokenPipeError, OSError):
            self._open = False
            # Python would try once more at its end and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Lines:
    """Cuts what one process writes into lines and keeps the last few."""

    def __init__(self, name: str, terminal: Terminal) -> None:
        self._name, self._terminal = name, terminal
        self._rest = b""
        self.last: list[str] = []

    def add(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            whole, self._rest = [*whole, self._rest], b""
        for line in whole:
            self._say(line)

    def finish(self) -> None:
        if self._rest:
            self._say(self._rest)
        self._rest = b""

    def _say(self, line: bytes) -> None:
        text = _harmless(line.decode(errors="replace").rstrip())
        self.last = [*self.last[-19:], text]
        self._terminal.say(f"{self._name:<7}| {text}")


def _harmless(text: str) -> str:
    """Parts of it may come from agents and from strangers: nothing in it steers the terminal."""
    return "".join(char if char == "\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
