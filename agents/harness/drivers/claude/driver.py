"""A turn of the CLI: run it, understand how it ended, and answer the operator where the model did not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agents.harness.config import Config
from agents.harness.drivers.base import ANSWER_LIMIT, INTERRUPTED, CannotDo, Hive, Outcome, Usage
from agents.harness.drivers.claude import command
from agents.harness.drivers.claude.conversation import Conversation
from agents.harness.drivers.claude.process import Launch, Limits, Player, ProcessPerTurn
from agents.harness.drivers.claude.reading import Reading, Verdict
from agents.harness.drivers.claude.waiting import Waiting
from agents.harness.drivers.session import Session, SessionFile, prompt_hash
from agents.harness.frames import MessageId, Turn
from agents.harness.journal import Emit
from agents.harness.link import CallRefused
from agents.harness.prompts import system_prompt, turn_prompt
from agents.harness.standing import Standing

TURN_SECONDS = 3600.0
COMPACT_SECONDS = 600.0
DIGEST_SECONDS = 300.0
MOST_TRIES = 5
MOST_DEATHS = 3
TRIED_AGAIN = (Verdict.LOGIN, Verdict.OVERFLOW, Verdict.SESSION_LOST, Verdict.DIED)
PUT_BACK = (Verdict.AWAY, Verdict.NO_TOOLS)


class Claude:
    def __init__(self, config: Config, hive: Hive, standing: Standing) -> None:
        self._config, self._hive, self._standing = config, hive, standing
        self._waiting = Waiting(config, standing)
        self._session = SessionFile(config.notes)
        self._private = Path(tempfile.mkdtemp(prefix="hive-agent-"))
        self._system_prompt = system_prompt(config)
        self._limits = Limits(config.seconds("turnTimeout", TURN_SECONDS), config.seconds("idleTimeout", 0) or None)
        self._model = config.model
        self._cli = ""
        self._tries: dict[MessageId, int] = {}
        self._plain = ProcessPerTurn(self._session)
        self._conversation = None if config.options.get("claude.persistent") is False else Conversation(self._session)
        self._deaths = 0
        self._reading: Reading | None = None
        self._interrupting = False
        self._usage = Usage()
        self._restarted = config.restarted or self._session.load() is not None

    async def ready(self) -> None:
        self._cli = await self._waiting.over()

    def problem(self) -> str | None:
        return self._standing.facts.problem

    def usage(self) -> Usage:
        session = self._session.load()
        return replace(self._usage, session=session.id) if session else Usage(limit=self._usage.limit)

    async def close(self) -> None:
        await self._player.end()
        shutil.rmtree(self._private, ignore_errors=True)

    def interrupt(self) -> bool:
        self._interrupting = True
        if self._reading is not None:
            self._reading.interrupted = True
            self._player.interrupt()
        return True

    async def compact(self, emit: Emit) -> str:
        self._cli = self._cli or await self._waiting.over()
        reading = await self._compacted(emit)
        if not reading.compacted:
            raise CannotDo(f"the session was not compacted: {reading.compaction_error or reading.text()}")
        return f"compacted to {reading.context} tokens" if reading.context is not None else "compacted"

    async def new_session(self) -> None:
        await self._player.end()
        self._session.forget()
        self._usage = Usage(limit=self._usage.limit)

    async def set_model(self, model: str | None) -> None:
        self._model = model or self._config.options.get("model")
        self._usage = replace(self._usage, limit=None)

    async def digest(self, text: str, emit: Emit) -> str:
        if not self._cli:
            raise CannotDo("the CLI has not been found yet")
        launch = Launch(tuple(command.digesting(self._cli, self._model)), self._config.notes, self._environment())
        reading = Reading(emit, needs_tools=False)
        alone = ProcessPerTurn(SessionFile(self._private))
        await alone.play(launch, text, Limits(DIGEST_SECONDS, None), reading)
        if reading.verdict() is not Verdict.OK:
            raise CannotDo(f"{reading.verdict().value}: {reading.text()}")
        return reading.text()

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        self._interrupting = False
        try:
            prompt = turn_prompt(turn.message, restarted=self._restarted, news=turn.news)
            reading, outcome = await self._tried(prompt, emit)
        except FileNotFoundError as error:
            self._waiting.pause(f"The Claude CLI cannot be started: {error}")
            return Outcome("requeue", str(error))
        return await self._concluded(turn, reading, outcome, emit)

    @property
    def _player(self) -> Player:
        return self._conversation or self._plain

    async def _tried(self, prompt: str, emit: Emit) -> tuple[Reading, Outcome]:
        """Once, and once more where that may help."""
        before = self._session.load()
        reading = await self._played(prompt, emit)
        verdict, compacted = reading.verdict(), False
        if verdict in TRIED_AGAIN and not self._interrupting and not (verdict is Verdict.DIED and reading.begun):
            emit("retry", because=verdict.value, text=reading.text())
            compacted = await self._mended(verdict, emit)
            if not self._interrupting:
                reading = await self._played(prompt, emit)
        cost = before.cost if before and before.id == reading.session else 0.0
        model = reading.model or self._model
        outcome = Outcome("ok", reading.text(), model=model, usage=reading.usage(cost), compacted=compacted)
        return reading, outcome

    async def _mended(self, verdict: Verdict, emit: Emit) -> bool:
        """Prepare for the second try; whether the session was compacted."""
        if verdict is Verdict.DIED:
            await self._note_death(emit)
        elif verdict is Verdict.OVERFLOW and await self._made_shorter(emit):
            return True
        elif verdict in (Verdict.OVERFLOW, Verdict.SESSION_LOST):
            await self.new_session()
        return False

    async def _made_shorter(self, emit: Emit) -> bool:
        try:
            await self.compact(emit)
        except CannotDo as error:
            emit("error", because="compaction", text=str(error))
            return False
        return True

    async def _note_death(self, emit: Emit) -> None:
        """A CLI that dies before it has done anything, again and again, is started for each turn instead."""
        self._deaths += 1
        if self._conversation is not None and self._deaths >= MOST_DEATHS:
            emit("fallback", text="the persistent CLI ended too often: a process for each turn from now on")
            await self._conversation.end()
            self._conversation = None

    async def _compacted(self, emit: Emit) -> Reading:
        if self._session.load() is None:
            raise CannotDo("there is no session yet")
        return await self._played("/compact", emit, Limits(COMPACT_SECONDS, None))

    async def _played(self, prompt: str, emit: Emit, limits: Limits | None = None) -> Reading:
        session = self._session.load()
        reading = self._reading = Reading(emit, resumed=session is not None, interrupted=self._interrupting)
        try:
            await self._player.play(self._launch(session), prompt, limits or self._limits, reading)
        finally:
            self._reading = None
        self._remember(session, reading)
        return reading

    def _launch(self, session: Session | None) -> Launch:
        mcp_config = self._private / "mcp.json"
        command.write_servers(mcp_config, self._config, self._hive.mcp_url)
        argv: Sequence[str] = command.arguments(
            self._cli, self._config, model=self._model, mcp_config=mcp_config, system_prompt=self._system_prompt
        )
        if self._conversation is not None:
            argv = [argv[0], *command.CONVERSING, *argv[1:]]
        fresh = session is not None and session.prompt != prompt_hash(self._system_prompt)
        resume = command.resuming(session.id, fresh_prompt=fresh) if session else []
        ident = session.id if session else None
        return Launch(tuple(argv), self._config.notes, self._environment(), ident, tuple(resume))

    def _environment(self) -> dict[str, str]:
        return command.environment(self._config)

    def _remember(self, before: Session | None, reading: Reading) -> None:
        if not reading.session or reading.verdict() is Verdict.SESSION_LOST:
            return
        same = before is not None and before.id == reading.session
        cost, earlier = reading.session_cost(), before.cost if before and same else 0.0
        # A session that goes on keeps the prompt it began with: the CLI would go back to that one.
        prompt = before.prompt if before and same else prompt_hash(self._system_prompt)
        self._session.store(Session(reading.session, prompt, earlier if cost is None else cost))
        limit = reading.context_limit or self._usage.limit
        context = self._usage.context if reading.context is None else reading.context
        self._usage = Usage(reading.session, context, limit)

    async def _concluded(self, turn: Turn, reading: Reading, outcome: Outcome, emit: Emit) -> Outcome:
        verdict = reading.verdict()
        if outcome.model:
            self._standing.update(model=outcome.model)
        if verdict is Verdict.OK:
            self._restarted = False
            self._deaths = 0
            self._waiting.worked()
            self._tries.clear()
            return await self._answered(turn, reading, outcome, emit)
        if verdict is Verdict.INTERRUPTED:
            self._restarted = False
            return replace(outcome, kind="failed", text=INTERRUPTED)
        emit("error", because=verdict.value, text=outcome.text)
        return self._put_back(turn, reading, verdict) or replace(outcome, kind="failed")

    def _put_back(self, turn: Turn, reading: Reading, verdict: Verdict) -> Outcome | None:
        """The message waits for better times; None when it has waited often enough."""
        if verdict is Verdict.LOGIN:
            self._waiting.login_refused()
            return Outcome("requeue", reading.text(), needs_login=True)
        if verdict is Verdict.LIMIT:
            self._waiting.limited("Claude's rate limit is reached", reading.resets_at)
            return Outcome("requeue", reading.text())
        tries = self._tries[turn.message.id] = self._tries.get(turn.message.id, 0) + 1
        harmless = verdict in PUT_BACK or (verdict is Verdict.DIED and not reading.begun)
        if not harmless or tries >= MOST_TRIES:
            return None
        self._waiting.pause(f"No turn is possible: {reading.text()}"[:300])
        return Outcome("requeue", reading.text())

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
