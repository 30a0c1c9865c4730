"""What the operator orders by `control` frames of the hive: done once each, and answered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from agents.harness.drivers.base import CannotDo, Driver
from agents.harness.frames import Frame
from agents.harness.journal import Emit
from agents.harness.standing import Standing
from agents.harness.turns import Send, Turns

REMEMBERED = 64
TEXT_LIMIT = 2000
Verb = Callable[[Frame], Awaitable[str]]


class Control:
    def __init__(self, turns: Turns, driver: Driver, standing: Standing, send: Send, emit: Emit) -> None:
        self._turns, self._driver, self._standing, self._send, self._emit = turns, driver, standing, send, emit
        self._running: dict[int, asyncio.Task[None]] = {}
        self._answers: OrderedDict[int, Frame] = OrderedDict()
        self._verbs: dict[str, Verb] = {
            "ping": self._ping,
            "interrupt": self._interrupt,
            "pause": self._pause,
            "resume": self._resume,
            "compact": self._compact,
            "new_session": self._new_session,
            "set_model": self._set_model,
        }

    def on(self, verb: str, do: Verb) -> None:
        """Another order that this harness knows."""
        self._verbs[verb] = do

    def welcomed(self, frame: Frame) -> None:
        """The hive's `welcome` says whether the operator wants this agent to rest."""
        paused = frame.get("paused")
        if isinstance(paused, bool):
            (self._turns.pause if paused else self._turns.resume)()

    def take(self, frame: Frame) -> None:
        """A frame that comes again after a new connection is not done again; its answer is sent again."""
        ident, verb, args = frame.get("id"), frame.get("verb"), frame.get("args")
        if not isinstance(ident, int) or ident in self._running:
            return
        known = self._answers.get(ident)
        work = (
            self._again(known) if known else self._carry_out(ident, str(verb), args if isinstance(args, dict) else {})
        )
        self._running[ident] = task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self._running.pop(ident, None))

    async def close(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _again(self, answer: Frame) -> None:
        await self._send([answer])

    async def _carry_out(self, ident: int, verb: str, args: dict[str, Any]) -> None:
        ok, text = await self._tried(verb, args)
        self._emit("control", verb=verb, ok=ok, text=text)
        answer = {"type": "control_result", "id": ident, "ok": ok, "text": text[:TEXT_LIMIT]}
        self._answers[ident] = answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        await self._send([answer])

    async def _tried(self, verb: str, args: dict[str, Any]) -> tuple[bool, str]:
        do = self._verbs.get(verb)
        if do is None:
            return False, f"this harness does not know {verb!r}"
        try:
            return True, await do(args)
        except CannotDo as reason:
            return False, str(reason)
        except (OSError, ValueError) as error:
            return False, f"{type(error).__name__}: {error}"

    async def _ping(self, _args: Frame) -> str:
        return "pong"

    async def _interrupt(self, _args: Frame) -> str:
        if not self._turns.interrupt():
            raise CannotDo("no turn runs")
        return "the turn is being interrupted"

    async def _pause(self, _args: Frame) -> str:
        self._turns.pause()
        return "paused" if self._turns.since is None else "paused; the turn that runs is finished first"

    async def _resume(self, _args: Frame) -> str:
        self._turns.resume()
        return "resumed"

    async def _compact(self, _args: Frame) -> str:
        return await self._turns.order(lambda: self._driver.compact(self._emit))

    async def _new_session(self, _args: Frame) -> str:
        async def begin() -> str:
            await self._driver.new_session()
            return "the next turn begins a new session"

        return await self._turns.order(begin)

    async def _set_model(self, args: Frame) -> str:
        model = args.get("model")
        if model is not None and not isinstance(model, str):
            raise CannotDo("'model' must be text or null")

        async def change() -> str:
            await self._driver.set_model(model)
            self._standing.update(model=model or None)
            return f"the next turn asks for {model}" if model else "the next turn asks for the configured model"

        return await self._turns.order(change)
