"""How the agent stands: what its `report` frames and /api/state show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from agents.harness.frames import Frame


@dataclass(frozen=True)
class Facts:
    """`problem` is a sentence for the operator, or None; `limited_until` is Unix time; the context is in tokens."""

    model: str | None = None
    needs_login: bool = False
    problem: str | None = None
    limited_until: float | None = None
    session: str | None = None
    context: int | None = None
    context_limit: int | None = None


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
        facts = self.facts
        frame: Frame = {
            "type": "report",
            "needs_login": facts.needs_login,
            "problem": facts.problem and facts.problem[:2000],
            "limited_until": facts.limited_until and int(facts.limited_until),
            "session": facts.session and facts.session[:64],
            "context": facts.context,
            "context_limit": facts.context_limit,
        }
        return frame if facts.model is None else {**frame, "model": facts.model[:100]}
