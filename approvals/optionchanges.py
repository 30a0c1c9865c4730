"""Effective `hyperhive.*` options before and after a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OptionChange:
    """One option as the page shows it; `before` is None where nothing ran before."""

    name: str
    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        return self.before is not None and self.before != self.after


def compare(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[OptionChange]:
    """Every option of `after`, those that change first."""
    changes = [
        OptionChange(name, None if before is None else _text(before.get(name)), _text(value))
        for name, value in sorted(after.items())
    ]
    return sorted(changes, key=lambda change: not change.changed)


def _text(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
