"""The interface between the turn loop and what does the work of a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.harness.frames import Turn
from agents.harness.journal import Emit

ANSWER_LIMIT = 200 * 1024
"""Bytes; a message holds 256 KiB."""


@dataclass(frozen=True)
class Outcome:
    """How a turn ended. `ok` and `failed` acknowledge its message, `requeue` puts it back."""

    kind: Literal["ok", "failed", "requeue"]
    text: str = ""
    needs_login: bool = False
    model: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


class Hive(Protocol):
    """What a driver may ask of the hive."""

    @property
    def mcp_url(self) -> str:
        """Secret: whoever has it acts as this agent."""
        ...

    async def answer(self, turn: Turn, body: str) -> None:
        """Send `body` to the sender of the turn's message, once, however often it is tried. Raises CallRefused."""
        ...


class Driver(Protocol):
    async def ready(self) -> None:
        """Return when a turn may be tried; waits while there is no point in it."""
        ...

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        """One turn. Cancelling it stops everything that it started, within 3 seconds."""
        ...

    def problem(self) -> str | None:
        """Why turns do not run now, in words for the operator."""
        ...

    def close(self) -> None:
        """Remove what the driver keeps outside the notes folder."""
        ...
