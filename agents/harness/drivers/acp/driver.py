"""Turns of an agent that speaks ACP: one process for many of them, its session loaded again after a restart."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from typing import Any

from acp.exceptions import RequestError

from agents.harness.config import Config
from agents.harness.drivers.acp.connection import CANCEL_SECONDS, AgentDied, Connection
from agents.harness.drivers.acp.reading import Reading
from agents.harness.drivers.base import ANSWER_LIMIT, INTERRUPTED, CannotDo, Hive, Outcome, Usage
from agents.harness.drivers.patience import Patience
from agents.harness.drivers.session import Session, SessionFile, prompt_hash
from agents.harness.frames import MessageId, Turn
from agents.harness.journal import Emit
from agents.harness.link import CallRefused
from agents.harness.mcpclient import McpClient, ToolCallFailed
from agents.harness.prompts import system_prompt, turn_prompt
from agents.harness.standing import Standing

TURN_SECONDS, SIDE_SECONDS = 3600.0, 600.0
MOST_TRIES = 5
AUTH_REQUIRED = -32000
LOOK_SECONDS = 5.0
NO_COMMAND = 'hyperhive.driver = "acp" needs hyperhive.acp.command, such as [ "gemini" "--acp" ]. Messages wait.'
NOT_FOUND = (
    "{0!r} of hyperhive.acp.command is not on this agent's PATH. Install it and restart the agent. Messages wait."
)
NOT_SIGNED_IN = "The agent's CLI is not signed in: give it its key or sign it in, then resume. Messages wait."


@dataclass(frozen=True)
class Ended:
    """`kind` is one of ok, late, interrupted, died, login, limit, refused, no_tools."""

    kind: str
    text: str = ""
    usage: dict[str, Any] | None = None


class Acp:
    def __init__(self, config: Config, hive: Hive, standing: Standing) -> None:
        self._config, self._hive, self._standing = config, hive, standing
        self._patience = Patience(standing)
        self._session = SessionFile(config.notes, "acp-session.json")
        self._system_prompt = system_prompt(config)
        self._key = prompt_hash(f"{config.options.get('acp.command')}")
        self._turn_seconds = config.seconds("turnTimeout", TURN_SECONDS)
        self._idle_seconds = config.seconds("idleTimeout", 0) or None
        self._model = config.model
        self._connection: Connection | None = None
        self._interrupted = False
        self._fresh = True
        self._cost = 0.0
        self._cancelling: asyncio.Task[None] | None = None
        self._tries: dict[MessageId, int] = {}
        self._restarted = config.restarted or self._session.load() is not None

    async def ready(self) -> None:
        await self._patience.rested()
        command = self._config.options.get("acp.command") or []
        while not command or shutil.which(str(command[0])) is None:
            self._standing.update(problem=NOT_FOUND.format(command[0]) if command else NO_COMMAND)
            await asyncio.sleep(LOOK_SECONDS)

    def problem(self) -> str | None:
        return self._standing.facts.problem

    def usage(self) -> Usage:
        session, now = self._session.load(), self._connection
        if session is None or session.prompt != self._key:
            return Usage()
        return Usage(session.id, now.client.used, now.client.size) if now is not None else Usage(session.id)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def interrupt(self) -> bool:
        self._interrupted = True
        if self._connection is not None:
            self._cancelling = asyncio.ensure_future(self._cancel(self._connection))
        return True

    async def compact(self, emit: Emit) -> str:
        connection = self._connection
        if connection is None or "compact" not in connection.client.commands:
            raise CannotDo("this agent has no session that runs, or no way to compact it")
        ended = await self._played("/compact", Reading(emit), SIDE_SECONDS)
        if ended.kind != "ok":
            raise CannotDo(f"the session was not compacted: {ended.text}")
        emit("compacted", after=connection.client.used)
        return "compacted"

    async def new_session(self) -> None:
        await self.close()
        self._session.forget()

    async def set_model(self, model: str | None) -> None:
        self._model = model or self._config.options.get("model")
        if self._connection is not None and self._model and not await self._chosen(self._connection):
            raise CannotDo("this agent offers no choice of models")

    async def digest(self, text: str, emit: Emit) -> str:
        """In a session of its own; the one that goes on is loaded again for the next turn."""
        await self.close()
        kept = self._session.load()
        self._session.forget()
        reading = Reading(emit)
        try:
            ended = await self._played(text, reading, SIDE_SECONDS)
        finally:
            await self.close()
            self._session.forget()
            if kept is not None:
                self._session.store(kept)
        if ended.kind != "ok":
            raise CannotDo(ended.text)
        return reading.words()

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        self._interrupted = False
        reading = Reading(emit)
        prompt = turn_prompt(turn.message, restarted=self._restarted, news=turn.news)
        ended = await self._played(prompt, reading, self._turn_seconds, tools=True)
        if ended.kind == "died" and not reading.begun and not self._interrupted:
            emit("retry", because="the agent's process ended", text=ended.text)
            ended = await self._played(prompt, reading, self._turn_seconds, tools=True)
        return await self._concluded(turn, reading, ended, emit)

    async def _played(self, prompt: str, reading: Reading, seconds: float, *, tools: bool = False) -> Ended:
        try:
            if tools:
                await McpClient(self._hive.mcp_url).check()
            connection = await self._opened()
            if self._fresh:
                prompt = f"{self._system_prompt}\n\n---\n\n{prompt}" if tools else prompt
            ended = await self._prompted(connection, prompt, reading, seconds)
            self._fresh = self._fresh and ended.kind in ("login", "limit", "died")
        except ToolCallFailed as error:
            return Ended("no_tools", f"the hive's tools are not there: {error}")
        except TimeoutError:
            ended = Ended("died", "the agent does not answer")
        except AgentDied as error:
            ended = Ended("died", str(error))
        except RequestError as error:
            ended = _refused(error)
        except asyncio.CancelledError:
            await self._stop()
            raise
        if ended.kind in ("died", "late", "login"):
            await self.close()
        return Ended("interrupted", INTERRUPTED) if self._interrupted and ended.kind != "ok" else ended

    async def _opened(self) -> Connection:
        """The agent with its session: what runs, or a new process that loads it where it can."""
        if self._connection is not None and self._connection.alive:
            return self._connection
        await self.close()
        connection = self._connection = await Connection.open(self._config, self._session)
        http = connection.capabilities.mcp_capabilities
        if http is None or not http.http:
            raise RequestError.invalid_request(
                {"details": "this agent takes no MCP servers over HTTP: it cannot work here"}
            )
        stored = self._session.load()
        resume = stored.id if stored is not None and stored.prompt == self._key else None
        try:
            loaded = await connection.begin(self._hive.mcp_url, resume)
        except RequestError as error:
            if resume is None or error.code == AUTH_REQUIRED:
                raise
            loaded = await connection.begin(self._hive.mcp_url, None)
        self._fresh = not loaded
        self._cost = connection.client.cost or 0.0
        assert connection.session is not None  # noqa: S101 - just begun
        self._session.store(Session(connection.session, self._key))
        if self._model:
            await self._chosen(connection)
        return connection

    async def _chosen(self, connection: Connection) -> bool:
        try:
            return await connection.choose_model(str(self._model))
        except (RequestError, AgentDied, TimeoutError) as error:
            raise CannotDo(f"the agent refuses the model {self._model!r}: {error}") from error

    async def _prompted(self, connection: Connection, prompt: str, reading: Reading, seconds: float) -> Ended:
        asking = asyncio.ensure_future(connection.prompt(prompt, reading))
        try:
            late = await self._late(asking, reading, seconds)
            if late:
                await self._cancel(connection, asking)
                return Ended("late", late)
            response = await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        reason = response.stop_reason
        if reason == "cancelled":
            return Ended("interrupted", INTERRUPTED)
        if reason == "end_turn":
            return Ended("ok", reading.words(), self._counted(connection, response))
        return Ended("refused", f"the agent stopped: {reason.replace('_', ' ')}", self._counted(connection, response))

    async def _late(self, asking: asyncio.Task[Any], reading: Reading, seconds: float) -> str:
        """Empty when the turn has ended in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not asking.done():
            reading.heard.clear()
            left = end - loop.time()
            if left <= 0:
                return f"not done after {seconds:g} s"
            wait = left if self._idle_seconds is None else min(left, self._idle_seconds)
            heard = asyncio.ensure_future(reading.heard.wait())
            await asyncio.wait({asking, heard}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            silent = not heard.done()
            heard.cancel()
            if not asking.done() and silent and wait < left:
                return f"no sign of life for {wait:g} s"
        return ""

    async def _cancel(self, connection: Connection, asking: asyncio.Task[Any] | None = None) -> None:
        """Ask it to stop; an agent that does not is ended by force."""
        await connection.cancel()
        if asking is not None:
            await asyncio.wait({asking}, timeout=CANCEL_SECONDS)
            return
        reading = connection.client.reading
        await asyncio.sleep(CANCEL_SECONDS)
        if reading is not None and connection.client.reading is reading:
            connection.kill()

    async def _stop(self) -> None:
        if self._connection is not None:
            await self._connection.cancel()
            await self.close()

    def _counted(self, connection: Connection, response: Any) -> dict[str, Any]:
        usage, cost = response.usage, connection.client.cost
        found: dict[str, Any] = {}
        if usage is not None:
            found = {
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cache_read_tokens": usage.cached_read_tokens,
                "cache_write_tokens": usage.cached_write_tokens,
            }
        if cost is not None:
            found["cost_usd"], self._cost = round(max(0.0, cost - self._cost), 6), cost
        return found

    async def _concluded(self, turn: Turn, reading: Reading, ended: Ended, emit: Emit) -> Outcome:
        outcome = Outcome("ok", ended.text, model=self._model, usage=ended.usage or {})
        if ended.kind in ("ok", "interrupted"):
            self._restarted = False
        if ended.kind == "ok":
            self._patience.worked()
            self._tries.clear()
            return await self._answered(turn, reading, outcome, emit)
        if ended.kind != "interrupted":
            emit("error", because=ended.kind, text=ended.text)
            if self._waits(turn, reading, ended):
                return replace(outcome, kind="requeue", needs_login=ended.kind == "login")
        return replace(outcome, kind="failed")

    def _waits(self, turn: Turn, reading: Reading, ended: Ended) -> bool:
        """Whether the message is put back for better times."""
        if ended.kind == "login":
            self._patience.pause(NOT_SIGNED_IN.removesuffix(" Messages wait.").rstrip("."))
            self._standing.update(needs_login=True)
            return True
        if ended.kind == "limit":
            self._patience.limited("The service's rate limit is reached")
            return True
        tries = self._tries[turn.message.id] = self._tries.get(turn.message.id, 0) + 1
        harmless = ended.kind == "no_tools" or (ended.kind == "died" and not reading.begun)
        if not harmless or tries >= MOST_TRIES:
            return False
        self._patience.pause(f"No turn is possible: {ended.text}"[:300])
        return True

    async def _answered(self, turn: Turn, reading: Reading, outcome: Outcome, emit: Emit) -> Outcome:
        """The operator hears something after each message; agents only what the model chose to say."""
        if turn.message.sender != "operator" or reading.told_operator or not outcome.text:
            return outcome
        try:
            await self._hive.answer(turn, outcome.text.encode()[:ANSWER_LIMIT].decode(errors="ignore"))
        except CallRefused as error:
            return replace(outcome, kind="failed", text=f"the answer was refused: {error}")
        emit("message_sent", to="operator")
        return outcome


def _refused(error: RequestError) -> Ended:
    """Agents have one code for being signed out; the rest is in their words."""
    text = f"{error} {error.data if error.data is not None else ''}".strip()
    low = text.lower()
    if error.code == AUTH_REQUIRED or "authentication" in low or "401" in low or "403" in low:
        return Ended("login", text)
    if "rate limit" in low or "rate_limit" in low or "429" in low:
        return Ended("limit", text)
    return Ended("refused", text)
