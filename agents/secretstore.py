"""The files of an agent's secrets: written by the hive, read by that agent alone, shown to nobody."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.conf import settings

from agents import runtime
from agents.containers.protocol import SHELL_OWNED

NAME = re.compile(r"(?!HIVE_|HYPERHIVE_|LD_|BASH_)[A-Za-z_][A-Za-z0-9_]{0,127}")
TAKEN = SHELL_OWNED | {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "ENV", "PWD", "CLAUDE_CONFIG_DIR", "env"}
LONGEST = 64 * 1024


class SecretRefused(ValueError):
    """The name or the value cannot be taken; the text says why, and never holds the value."""


def check(name: str, value: str) -> None:
    """Raises `SecretRefused`."""
    if not NAME.fullmatch(name) or name in TAKEN:
        raise SecretRefused(
            f"{name[:80]!r} cannot name a secret: letters, digits and '_', no digit first; HIVE_*, LD_* and the shell's"
            " own names are taken"
        )
    if not value or "\0" in value or len(value.encode(errors="replace")) > LONGEST:
        raise SecretRefused(f"a secret has 1 to {LONGEST} bytes and no NUL")


def write(agent: str, name: str, value: str, *, in_environment: bool) -> None:
    """Put the file in place at once; the other place, if it was there before, is emptied. Raises `SecretRefused`."""
    folder = _folder(agent)
    runtime.replace(agent, _place(folder, name, in_environment=in_environment), value)
    _place(folder, name, in_environment=not in_environment).unlink(missing_ok=True)


def remove(agent: str, name: str) -> None:
    folder = _folder(agent)
    for in_environment in (False, True):
        _place(folder, name, in_environment=in_environment).unlink(missing_ok=True)


def _place(folder: Path, name: str, *, in_environment: bool) -> Path:
    return folder / "env" / name if in_environment else folder / name


def _folder(agent: str) -> Path:
    folder: Path = settings.HIVE_PATHS.secrets(agent)
    if not os.access(folder / "env", os.W_OK):
        raise SecretRefused(f"{agent} has no folder for secrets yet: start or restart it once, then set them")
    return folder
