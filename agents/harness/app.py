"""Puts the parts of a harness together, and ends them in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agents.harness import servers
from agents.harness.bash.jobs import Job
from agents.harness.bash.server import Server
from agents.harness.bash.tools import Tools, summary
from agents.harness.config import Config
from agents.harness.control import Control
from agents.harness.drivers.base import Driver
from agents.harness.forwarder import Forwarder, PortTaken
from agents.harness.frames import Frame, Turn
from agents.harness.journal import Journal
from agents.harness.ledger import Ledger
from agents.harness.link import HiveAway, Link, LinkEnded
from agents.harness.notes import Notes
from agents.harness.reporting import Reporter
from agents.harness.screen import Screen, handed_in
from agents.harness.standing import Standing
from agents.harness.terminals import Terminals
from agents.harness.turns import Turns
from agents.harness.upkeep import Upkeep

if TYPE_CHECKING:
    from agents.harness.drivers.claude.signin import SignIn

STOP_SECONDS = 4.5
SETTLE_SECONDS = 10.0


class Hive:
    """What the drivers see of the hive."""

    def __init__(self, link: Link, forwarder: Forwarder) -> None:
        self._link, self._forwarder = link, forwarder

    @property
    def mcp_url(self) -> str:
        return self._forwarder.url

    async def answer(self, turn: Turn, body: str) -> None:
        """Waits for the hive as long as it takes: the key makes a second try the same message."""
        message = turn.message
        args = {
            "to": message.sender,
            "body": body,
            "in_reply_to": message.id,
            "idempotency_key": f"answer-{message.id}",
        }
        while True:
            try:
                await self._link.opened.wait()
                await self._link.call("send", args)
                return
            except HiveAway:
                await asyncio.sleep(0.05)


def driver_of(config: Config, hive: Hive, standing: Standing) -> Driver:
    """What is not needed is not imported."""
    if config.driver == "claude":
        from agents.harness.drivers.claude.driver import Claude

        return Claude(config, hive, standing)
    if config.driver == "acp":
        from agents.harness.drivers.acp.driver import Acp

        return Acp(config, hive, standing)
    from agents.harness.drivers.scripted import Scripted

    return Scripted(config, hive)


class Harness:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.journal = Journal(config.notes / "hyperhive-events.sqlite")
        self.ledger = Ledger()
        self.standing = Standing(config.model)
        self.terminals = Terminals(config, self.journal)
        self.link = Link(config, self.ledger, self.standing, self.journal)
        self.shell = Tools(config, self.journal, self._wake)
        self.forwarder = Forwarder(config, self.state, self.journal, {"bash": Server(self.shell).serve})
        self.driver = driver_of(config, Hive(self.link, self.forwarder), self.standing)
        notes = Notes(config, self.driver, self.journal)
        self.upkeep = Upkeep(config, self.driver, self.standing, self.journal, notes)
        self.turns = Turns(self.ledger, self.driver, self.link.send, self.journal, self.upkeep.after, notes.take_news)
        self.control = Control(self.turns, self.driver, self.standing, self.link.send, self.journal)
        self.reporter = Reporter(self.journal, self.link.send)
        self.sign_in: SignIn | None = None
        self._stop = asyncio.Event()
        self._screen = handed_in()
        self._wire()

    def _wire(self) -> None:
        self.link.on("welcome", self._welcomed)
        self.link.on("control", self.control.take)
        self.link.on("open_terminal", self.terminals.open)
        self.link.on("events_taken", self.reporter.taken)
        self.upkeep.show()
        if self.config.driver == "claude":
            self._offer_sign_in()

    def _offer_sign_in(self) -> None:
        from agents.harness.drivers.claude.signin import SignIn

        self.sign_in = sign_in = SignIn(self.config)

        async def cancel(_args: Frame) -> str:
            await sign_in.cancel()
            return "given up"

        self.control.on("login_start", lambda _args: sign_in.start())
        self.control.on("login_code", lambda args: sign_in.enter(str(args.get("code", ""))))
        self.control.on("login_status", lambda _args: sign_in.status())
        self.control.on("login_cancel", cancel)

    def _welcomed(self, frame: Frame) -> None:
        self.control.welcomed(frame)
        self.reporter.welcomed(frame)

    def _wake(self, job: Job) -> None:
        """A background command has ended: the agent hears of it in a turn of its own."""
        self.journal("background_ended", job=job.number, state=job.state())
        self.ledger.wake(f"bash-{job.number}", summary(job))

    def state(self) -> dict[str, Any]:
        """What /api/state shows: nothing secret."""
        since, last, facts = self.turns.since, self.upkeep.last_turn, self.standing.facts
        return {
            "name": self.config.name,
            "driver": self.config.driver,
            "connected": self.link.connected,
            "turn_since": since.isoformat() if since else None,
            "last_turn": last.isoformat() if last else None,
            "paused": self.turns.paused,
            "model": facts.model,
            "session": facts.session,
            "context": facts.context,
            "context_limit": facts.context_limit,
            "limited_until": facts.limited_until,
            "needs_login": facts.needs_login,
            "problem": self.driver.problem(),
        }

    async def run(self) -> int:
        """The exit code: 0 asked to end, 1 failed."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self._stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self.turns.drain)
        parts = [asyncio.ensure_future(part) for part in self._parts()]
        beside = [asyncio.ensure_future(part) for part in (self._stop.wait(), self._show())]
        try:
            await asyncio.wait({*parts, beside[0]}, return_when=asyncio.FIRST_COMPLETED)
            return self._code([part for part in parts if part.done()])
        finally:
            await self._end([*parts, *beside])

    def _parts(self) -> tuple[Coroutine[Any, Any, None], ...]:
        return (self._work(), self.link.run(), self._report(), self.reporter.run())

    def _code(self, done: list[asyncio.Future[None]]) -> int:
        for part in done:
            error = part.exception()
            if isinstance(error, LinkEnded):
                self.journal("ended", text=str(error))
                return error.code
            if isinstance(error, (PortTaken, OSError)):
                self.journal("error", text=str(error))
                return 1
            if error is not None:
                raise error
        self.journal("ended", text="the current turn is finished" if done else "asked to stop")
        return 0

    async def _work(self) -> None:
        """Returns when a drain is done and its last report has left, or will be made good by redelivery."""
        for refusal in servers.refusals(self.config):
            self.journal("error", because="mcp server", text=refusal)
        await self.forwarder.start()
        await self.turns.run()
        try:
            await asyncio.wait_for(self.ledger.settled.wait(), SETTLE_SECONDS)
        except TimeoutError:
            self.journal("error", text="the hive is away: the last turn could not be reported")

    async def _show(self) -> None:
        """A screen that fails is no reason for the agent to end."""
        if self._screen is not None:
            await Screen(self._screen, self.config.name, self.journal).run()

    async def _report(self) -> None:
        while True:
            await self.standing.changed.wait()
            self.standing.changed.clear()
            await self.link.send([self.standing.frame()])

    async def _end(self, parts: list[asyncio.Future[Any]]) -> None:
        """The driver stops its turn first; the socket closes last, and the message in work goes back."""
        parts[0].cancel()
        await asyncio.wait([*parts[:1], asyncio.ensure_future(self.terminals.close())], timeout=STOP_SECONDS - 1)
        try:
            await asyncio.wait_for(self.link.close(), 1)
        except TimeoutError:
            self.journal("error", text="the hive did not close the connection in time")
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await self.control.close()
        if self.sign_in is not None:
            await self.sign_in.cancel()
        await self.forwarder.stop()
        await self.shell.close()
        await self.driver.close()
        self.journal.close()
