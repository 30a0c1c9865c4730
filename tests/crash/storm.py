"""A hive in a storm: its processes are killed at random while agents talk."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from agents import command, naming
from tests.broker.hive import Hive
from tests.crash import checker
from tests.crash.client import Client
from tests.crash.log import Log

OPERATOR = "operator"
_SETTLE_SECONDS = 120.0


class Storm:
    """Web and worker of one hive, `agents` that talk, and what all of them have seen."""

    def __init__(self, hive: Hive, agents: int, seed: int) -> None:
        self.hive = hive
        self._random = random.Random(seed)
        self._worker: Any = None
        names = [f"a{number}" for number in range(agents)]
        hive.add(naming.MANAGER, *names)  # a manager that is there is not spawned
        self.operator = Log(OPERATOR)
        self._grew = asyncio.Event()
        self.clients = [
            Client(hive, name, [other for other in names if other != name], seed + number, self._grew.set)
            for number, name in enumerate(names)
        ]

    @property
    def logs(self) -> list[Log]:
        return [self.operator, *(log for client in self.clients for log in (client.log, client.clock))]

    def breaches(self) -> list[str]:
        return checker.check(self.logs, unordered=[client.clock.name for client in self.clients])

    async def rage(self, rounds: int, *others: Callable[[], None]) -> None:
        """Kill something in each round, `others` being further ways to do harm; then let everything arrive."""
        await asyncio.gather(asyncio.to_thread(self.hive.start), asyncio.to_thread(self.start_worker))
        async with asyncio.TaskGroup() as tasks:
            talking = [tasks.create_task(client.run()) for client in self.clients]
            try:
                for number in range(rounds):
                    await self._talked()
                    await self._round(number, others)
                await self._settle()
            finally:
                for task in talking:
                    task.cancel()

    def start_worker(self) -> None:
        with (self.hive.root / "worker.log").open("ab") as log:
            self._worker = command.start(
                [sys.executable, "-m", "django", "worker"], env=self.hive.environment, stdout=log, stderr=log
            )

    def kill_worker(self, number: int = signal.SIGKILL) -> None:
        if self._worker is not None:
            self._worker.send_signal(number)
            self._worker.wait(30)
        self._worker = None

    def close(self) -> None:
        self.kill_worker()
        self.hive.close()

    async def _round(self, number: int, others: Sequence[Callable[[], None]]) -> None:
        """Somewhere in the middle of it, since it takes a random while; the operator writes from another process."""
        saying = asyncio.create_task(asyncio.to_thread(self._operator_says, number))
        await asyncio.sleep(self._random.random() * 0.3)
        harm = self._random.choice(["web", "web", "worker", "both", *others])
        if harm in ("web", "both"):
            self.hive.kill()
        if harm in ("worker", "both"):
            await asyncio.to_thread(self.kill_worker)
        if callable(harm):
            await asyncio.to_thread(harm)
        if harm in ("web", "both"):
            await asyncio.to_thread(self.hive.start)
        if harm in ("worker", "both"):
            await asyncio.to_thread(self.start_worker)
        await saying

    def _operator_says(self, number: int) -> None:
        """From a process of its own, as `hivectl send` does; that it ended well is the acknowledgement."""
        to = self._random.choice(self.clients).log.name
        self.operator.add("send", to, number)
        try:
            said = self.hive.manage("hivectl", "send", to, f"{OPERATOR} {number}", "--json")
        except command.CommandFailed:
            return
        self.operator.add("stored", to, number, json.loads(said)["id"])

    async def _talked(self) -> None:
        """Wait until everybody is connected and something was said: a storm over silence proves nothing."""
        before = len(self._stored())
        await self._until(lambda: len(self._stored()) > before + len(self.clients))

    async def _settle(self) -> None:
        for client in self.clients:
            client.finish()
        await self._until(lambda: not any(client.owes for client in self.clients) and not checker.missing(self.logs))
        before = [client.connections for client in self.clients]
        self.hive.kill(signal.SIGTERM)
        await asyncio.to_thread(self.hive.start)
        # What still comes again comes now.
        pairs = list(zip(self.clients, before, strict=True))
        await self._until(lambda: all(client.quiet_on > connection for client, connection in pairs))

    async def _until(self, condition: Callable[[], object]) -> None:
        """Asked again whenever a client has written something down."""
        async with asyncio.timeout(_SETTLE_SECONDS):
            while not condition():
                await self._grew.wait()
                self._grew.clear()

    def _stored(self) -> list[object]:
        return [event for log in self.logs for event in log.of("stored")]
