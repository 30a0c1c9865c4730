"""How the agent stands: what its `report` frames and /api/state show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from agents.harness.frames import Frame


@dataclass(frozen=True)
class Facts:
    """`problem` is a sentence for the operator, or None."""

    model: str | None = None
    needs_login: bool = False
    problem: str | None = None


class Standing:
    """Written by the driver; `changed` wakes the one who reports it."""

    def __init__(self, model: str | None) -> None:
        self.facts = Facts(model=model)
        self.changed = asyncio.Event()

    def update(self, **values: Any) -> None:
        facts = replace(self.facts, **values)
        if facts != self.facts:
            self.facts = facts
            self.changed.set()

    def frame(self) -> Frame:
        """A model that is not known yet is left out."""
        problem, model = self.facts.problem, self.facts.model
        frame: Frame = {"type": "report", "needs_login": self.facts.needs_login, "problem": problem and problem[:2000]}
        return frame if model is None else {**frame, "model": model[:100]}
