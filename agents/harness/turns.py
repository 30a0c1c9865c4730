"""The turn loop: one message, one run of the driver, one report, in order. Orders are carried out between turns."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from agents.harness.drivers.base import INTERRUPTED, CannotDo, Driver, Outcome
from agents.harness.figures import Tally
from agents.harness.frames import Frame, Turn
from agents.harness.journal import Emit
from agents.harness.ledger import Ledger

Send = Callable[[Iterable[Frame]], Awaitable[None]]


@dataclass(frozen=True)
class Order:
    """Something to be done between two turns; `done` gets its result."""

    work: Callable[[], Awaitable[str]]
    done: asyncio.Future[str]


class Turns:
    """`after` is awaited after each turn, before anything else is begun; `news` is told to the next turn."""

    def __init__(
        self,
        ledger: Ledger,
        driver: Driver,
        send: Send,
        emit: Emit,
        after: Callable[[Tally, Outcome], Awaitable[None]],
        news: Callable[[], str],
    ) -> None:
        self._ledger, self._driver, self._send, self._emit = ledger, driver, send, emit
        self._after, self._news = after, news
        self._draining = asyncio.Event()
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self._orders: deque[Order] = deque()
        self._ordered = asyncio.Event()
        self._running: asyncio.Task[Outcome] | None = None
        self._interrupted = False
        self.since: datetime | None = None

    @property
    def paused(self) -> bool:
        return not self._unpaused.is_set()

    def pause(self) -> None:
        """The turn that runs goes on; no other begins."""
        self._unpaused.clear()

    def resume(self) -> None:
        self._unpaused.set()

    def drain(self) -> None:
        """Finish the turn that runs; start no other."""
        self._draining.set()

    def interrupt(self) -> bool:
        """End the turn that runs; False when none does. Its message is done with."""
        if self._running is None:
            return False
        self._interrupted = True
        if not self._driver.interrupt():
            self._running.cancel()
        return True

    async def order(self, work: Callable[[], Awaitable[str]]) -> str:
        """Have `work` done when no turn runs; its result. Raises what it raises."""
        order = Order(work, asyncio.get_running_loop().create_future())
        self._orders.append(order)
        self._ordered.set()
        return await order.done

    async def run(self) -> None:
        """Returns after a drain."""
        while not self._draining.is_set():
            await self._carry_out()
            turn = await self._next()
            if turn is not None:
                await self._one(turn)

    async def _carry_out(self) -> None:
        self._ordered.clear()
        while self._orders:
            order = self._orders.popleft()
            try:
                result = await order.work()
            except (CannotDo, OSError, ValueError) as error:
                _settle(order.done, error)
            else:
                _settle(order.done, result)

    async def _next(self) -> Turn | None:
        """None when a drain or an order came first. A message is taken and its turn begun without a gap between."""
        waiting = asyncio.ensure_future(self._take())
        others = [asyncio.ensure_future(event.wait()) for event in (self._draining, self._ordered)]
        try:
            await asyncio.wait({waiting, *others}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            for task in (waiting, *others):
                task.cancel()

    async def _take(self) -> Turn:
        while True:
            await self._unpaused.wait()
            await self._driver.ready()
            message = await self._ledger.take()
            if self.paused:
                self._ledger.untake(message)
                continue
            turn = Turn(uuid4().hex, message, self._news())
            self._ledger.begin(turn)
            return turn

    async def _one(self, turn: Turn) -> None:
        message, began = turn.message, time.monotonic()
        self.since = datetime.now(UTC)
        tally = Tally(turn, self._emit)
        tally("turn_started", message=message.id, sender=message.sender, redelivered=message.redelivered or None)
        try:
            await self._send([turn.started()])
            outcome = await self._outcome(turn, tally)
        finally:
            self.since = None
        error = outcome.text if outcome.kind == "failed" else ""
        tally.seconds = time.monotonic() - began
        tally(
            "turn_ended", outcome=outcome.kind, seconds=round(tally.seconds, 3),
            error=error or None, model=outcome.model, **outcome.usage,
        )  # fmt: skip
        await self._send(self._ledger.end(outcome.kind, error))
        await self._after(tally, outcome)

    async def _outcome(self, turn: Turn, emit: Emit) -> Outcome:
        """What the system refuses in a turn ends that turn; anything else is a defect and ends the harness loudly."""
        self._interrupted = False
        self._running = asyncio.ensure_future(self._driver.run(turn, emit))
        try:
            outcome = await self._running
        except asyncio.CancelledError:
            if not self._interrupted or _is_cancelled():
                raise
            outcome = Outcome("failed", INTERRUPTED)
        except (OSError, ValueError) as error:
            return Outcome("failed", f"{type(error).__name__}: {error}")
        finally:
            self._running = None
        if self._interrupted and outcome.kind != "ok":
            outcome = replace(outcome, kind="failed", text=INTERRUPTED)
        return outcome


def _is_cancelled() -> bool:
    """Whether it is this task that was cancelled, not the one it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _settle(future: asyncio.Future[str], result: str | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
