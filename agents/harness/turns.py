"""The turn loop: one message, one run of the driver, one report, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from uuid import uuid4

from agents.harness.drivers.base import Driver, Outcome
from agents.harness.frames import Frame, Turn
from agents.harness.journal import Emit
from agents.harness.ledger import Ledger

Send = Callable[[Iterable[Frame]], Awaitable[None]]


class Turns:
    def __init__(self, ledger: Ledger, driver: Driver, send: Send, emit: Emit) -> None:
        self._ledger, self._driver, self._send, self._emit = ledger, driver, send, emit
        self._draining = asyncio.Event()
        self.since: datetime | None = None

    def drain(self) -> None:
        """Finish the turn that runs; start no other."""
        self._draining.set()

    async def run(self) -> None:
        """Returns after a drain."""
        while not self._draining.is_set():
            turn = await self._next()
            if turn is not None:
                await self._one(turn)

    async def _next(self) -> Turn | None:
        """None when a drain came first. A message is taken and its turn begun without a gap between."""
        waiting = asyncio.ensure_future(self._take())
        drained = asyncio.ensure_future(self._draining.wait())
        try:
            await asyncio.wait({waiting, drained}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            waiting.cancel()
            drained.cancel()

    async def _take(self) -> Turn:
        await self._driver.ready()
        message = await self._ledger.take()
        turn = Turn(uuid4().hex, message)
        self._ledger.begin(turn)
        return turn

    async def _one(self, turn: Turn) -> None:
        message, began = turn.message, time.monotonic()
        self.since = datetime.now(UTC)
        again = message.redelivered or None
        self._emit("turn_started", turn=turn.id, message=message.id, sender=message.sender, redelivered=again)
        try:
            await self._send([turn.started()])
            outcome = await self._outcome(turn)
        finally:
            self.since = None
        error = outcome.text if outcome.kind == "failed" else ""
        self._emit(
            "turn_ended", turn=turn.id, outcome=outcome.kind, seconds=round(time.monotonic() - began, 3),
            error=error or None, model=outcome.model, **outcome.usage,
        )  # fmt: skip
        await self._send(self._ledger.end(outcome.kind, error))

    async def _outcome(self, turn: Turn) -> Outcome:
        """What the system refuses in a turn ends that turn; anything else is a defect and ends the harness loudly."""
        try:
            return await self._driver.run(turn, self._emit)
        except (OSError, ValueError) as error:
            return Outcome("failed", f"{type(error).__name__}: {error}")
