"""What every step stands on: the clone, one line of news a step, stamps, and programs that fail in one line."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agents import command

CLONE = Path(__file__).resolve().parent.parent.parent
VENV = CLONE / ".venv"
PYTHON = VENV / "bin" / "python"
_SECONDS = 3600.0
# These would send packages somewhere else than into our own folder.
_MISLEADING = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON"}
_MISLEADING |= {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}


class CannotSetUp(Exception):
    """A step failed; the text says what to do."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(argv: Sequence[str | Path], failure: str, *, env: Mapping[str, str] | None = None) -> command.Completed:
    """Run a program quietly. When it fails, raise `CannotSetUp` with `failure` and the program's own reason."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    try:
        return command.run(argv, timeout=_SECONDS, env={**kept, **(env or {})}, cwd=CLONE)
    except command.CommandFailed as error:
        raise CannotSetUp(f"{failure}: {_reason(error.stderr)}") from error


def digest(parts: Iterable[str | Path]) -> str:
    """One number for texts and for the contents of files and folders (names and contents)."""
    total = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            total.update(len(piece).to_bytes(8) + piece)
    return total.hexdigest()


class Stamp:
    """Says that a step was done for exactly these inputs."""

    def __init__(self, path: Path, parts: Iterable[str | Path]) -> None:
        self._path, self._digest = path, digest(parts)

    def holds(self) -> bool:
        try:
            return self._path.read_text() == self._digest
        except FileNotFoundError:
            return False

    def set(self) -> None:
        self._path.write_text(self._digest)


def _pieces(part: str | Path) -> Iterable[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif part.is_dir():
        for file in sorted(path for path in part.rglob("*") if path.is_file()):
            yield str(file).encode()
            yield file.read_bytes()
    elif part.is_file():
        yield part.read_bytes()


def _reason(text: str) -> str:
    """The line of a program's complaint that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ERROR:", "E:", "npm error", "error"))]
    telling = [line for line in telling if not line.startswith("npm error code")]
    return (telling or lines or ["it gave no reason"])[0][:400]
