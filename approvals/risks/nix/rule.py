"""The form of a rule about Nix text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from approvals.risks.flags import Level
from approvals.risks.nix.source import Source

Findings = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Rule:
    """`find` gives (token, what stands there); `why` is the sentence that says why it matters."""

    name: str
    level: Level
    why: str
    find: Callable[[Source], Findings]
