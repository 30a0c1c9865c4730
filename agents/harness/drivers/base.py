"""The interface between the turn loop and what does the work of a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.harness.frames import Turn
from agents.harness.journal import Emit

ANSWER_LIMIT = 200 * 1024
"""Bytes; a message holds 256 KiB."""
INTERRUPTED = "interrupted by the operator"


class CannotDo(Exception):
    """Why the driver does not do what the operator asked; the text is for the operator."""


@dataclass(frozen=True)
class Outcome:
    """How a turn ended. `ok` and `failed` acknowledge its message, `requeue` puts it back.

    `usage` holds numbers of this turn alone: `input_tokens`, `output_tokens`, `cache_read_tokens`,
    `cache_write_tokens`, `cost_usd`, `steps`, as far as they are known.
    """

    kind: Literal["ok", "failed", "requeue"]
    text: str = ""
    needs_login: bool = False
    model: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    compacted: bool = False
    """The session was too long: it was compacted and the turn tried again."""


@dataclass(frozen=True)
class Usage:
    """The session that goes on, and how much of the model's context it fills (tokens)."""

    session: str | None = None
    context: int | None = None
    limit: int | None = None

    @property
    def percent(self) -> float | None:
        return 100 * self.context / self.limit if self.context is not None and self.limit else None


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
    """One agent CLI. Nothing here is called while `run` runs, but `interrupt`, `usage` and `problem`."""

    async def ready(self) -> None:
        """Return when a turn may be tried; waits while there is no point in it."""
        ...

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        """One turn; what happens in it is emitted. Cancelling it stops all that it started, within 3 seconds."""
        ...

    def interrupt(self) -> bool:
        """Have the turn that runs end soon, its session kept. False: it knows no way but to be cancelled."""
        ...

    async def compact(self, emit: Emit) -> str:
        """Make the session shorter; what to tell the operator. Raises CannotDo."""
        ...

    async def new_session(self) -> None:
        """The next turn begins with an empty session. Raises CannotDo."""
        ...

    async def set_model(self, model: str | None) -> None:
        """From the next turn on; None is the driver's own choice. Raises CannotDo."""
        ...

    async def digest(self, text: str, emit: Emit) -> str:
        """What a model answers to `text` alone: no session, no tools. Raises CannotDo."""
        ...

    def usage(self) -> Usage: ...

    def problem(self) -> str | None:
        """Why turns do not run now, in words for the operator."""
        ...

    async def close(self) -> None:
        """End what the driver has started; remove what it keeps outside the notes folder."""
        ...
