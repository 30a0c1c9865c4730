"""Changes for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.nixconfig.options import defaults
from approvals.risks import Change, File, Flag, assess

HERE = Path(__file__).resolve().parent
HOSTILE, HARMLESS = HERE / "hostile", HERE / "harmless"
OPTIONS = defaults("claude")
PLAIN = "100644"


def adding(files: Mapping[str, bytes | None], **options: Any) -> Change:
    """A change that adds these files."""
    return replacing({}, files, **options)


def replacing(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None], **options: Any) -> Change:
    old, new = ({path: File(PLAIN, data) for path, data in files.items()} for files in (before, after))
    return Change(old, new, OPTIONS, {**OPTIONS, **options})


def setting(name: str, before: Any, after: Any, *, backend: str = "local") -> list[Flag]:
    """The flags of a change of one option."""
    return assess(Change({}, {}, {**OPTIONS, name: before}, {**OPTIONS, name: after}, backend))


def rules(change: Change) -> set[str]:
    return {flag.rule for flag in assess(change)}


def only(flags: list[Flag]) -> Flag:
    assert len(flags) == 1, flags
    return flags[0]
