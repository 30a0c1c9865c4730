"""What `programs.toml` says of programs, read once."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Options:
    """Options of one program that no wildcard covers."""

    long: tuple[str, ...] = ()
    short: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    never: frozenset[str]
    interpreters: frozenset[str]
    opaque: frozenset[str]
    families: Mapping[str, str]
    programs: Mapping[str, Options]
    git_commands: frozenset[str]
    git_long: tuple[str, ...]
    git_short: Mapping[str, str]


@functools.cache
def known() -> Known:
    data: dict[str, Any] = tomllib.loads(files(__package__).joinpath("programs.toml").read_text(encoding="utf-8"))
    programs = {name: _options(table) for name, table in data["programs"].items()}
    sets = {name: frozenset(data[name]) for name in ("never", "interpreters", "opaque", "git_commands")}
    return Known(
        **sets,
        families=data["families"],
        programs=programs,
        git_long=tuple(data["git_long"]),
        git_short=data["git_short"],
    )


def _options(table: Mapping[str, Any]) -> Options:
    return Options(tuple(table.get("long", ())), table.get("short", ""), tuple(table.get("words", ())))
