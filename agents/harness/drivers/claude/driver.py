"""A turn of the CLI: run it, understand how it ended, and answer the operator where the model did not."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from agents.harness.config import Config
from agents.harness.drivers.base import ANSWER_LIMIT, Hive, Outcome
from agents.harness.drivers.claude import command
from agents.harness.drivers.claude.process import Limits, play
from agents.harness.drivers.claude.reading import Reading, Verdict
from agents.harness.drivers.claude.session import Session, SessionFile, prompt_hash
from agents.harness.drivers.claude.waiting import LIMIT_PAUSE, Waiting
from agents.harness.frames import MessageId, Turn
from agents.harness.journal import Emit
from agents.harness.link import CallRefused
from agents.harness.prompts import system_prompt, turn_prompt
from agents.harness.standing import Standing

TURN_SECONDS = 3600.0
MOST_TRIES = 5
TRIED_AGAIN = (Verdict.LOGIN, Verdict.OVERFLOW, Verdict.SESSION_LOST)
NEW_SESSION = (Verdict.OVERFLOW, Verdict.SESSION_LOST)
PUT_BACK = (Verdict.AWAY, Verdict.NO_TOOLS)


class Claude:
    def __init__(self, config: Config, hive: Hive, standing: Standing) -> None:
        self._config, self._hive, self._standing = config, hive, standing
        self._waiting = Waiting(config, standing)
        self._session = SessionFile(config.notes)
        self._private = Path(tempfile.mkdtemp(prefix="hive-agent-"))
        self._system_prompt = system_prompt(config)
        self._limits = Limits(config.seconds("turnTimeout", TURN_SECONDS), config.seconds("idleTimeout", 0) or None)
        self._cli = ""
        self._tries: dict[MessageId, int] = {}

    async def ready(self) -> None:
        self._cli = await self._waiting.over()

    def problem(self) -> str | None:
        return self._standing.facts.problem

    def close(self) -> None:
        shutil.rmtree(self._private, ignore_errors=True)

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        try:
            async with self._session.locked():
                reading = await self._tried(turn, emit)
        except FileNotFoundError as error:
            self._waiting.pause(f"The Claude CLI cannot be started: {error}")
            return Outcome("requeue", str(error))
        return await self._concluded(turn, reading, emit)

    async def _tried(self, turn: Turn, emit: Emit) -> Reading:
        """Once, and once more where that may help."""
        reading = await self._played(turn, emit)
        verdict = reading.verdict()
        if verdict in TRIED_AGAIN:
            emit("retry", because=verdict.value, text=reading.text())
            if verdict in NEW_SESSION:
                self._session.forget()
            reading = await self._played(turn, emit)
        return reading

    async def _played(self, turn: Turn, emit: Emit) -> Reading:
        session, prompt = self._session.load(), prompt_hash(self._system_prompt)
        mcp_config = self._private / "mcp.json"
        command.write_servers(mcp_config, self._config, self._hive.mcp_url)
        argv = command.arguments(
            self._cli,
            self._config,
            mcp_config=mcp_config,
            system_prompt=self._system_prompt,
            resume=session.id if session else None,
            fresh_prompt=session is not None and session.prompt != prompt,
        )
        reading = Reading(emit, resumed=session is not None)
        env = command.environment(self._config, turn.id)
        await play(argv, turn_prompt(turn.message), self._config.notes, env, self._limits, reading)
        if reading.session and reading.session != (session and session.id) and reading.verdict() not in NEW_SESSION:
            self._session.store(Session(reading.session, prompt))
        return reading

    async def _concluded(self, turn: Turn, reading: Reading, emit: Emit) -> Outcome:
        verdict, text = reading.verdict(), reading.text()
        model = reading.model or self._config.model
        if model:
            self._standing.update(model=model)
        if verdict is Verdict.OK:
            self._waiting.worked()
            self._tries.clear()
            return await self._answered(turn, reading, Outcome("ok", text, model=model, usage=reading.usage()))
        emit("error", because=verdict.value, text=text)
        return self._put_back(turn, reading, verdict) or Outcome("failed", text, model=model, usage=reading.usage())

    def _put_back(self, turn: Turn, reading: Reading, verdict: Verdict) -> Outcome | None:
        """The message waits for better times; None when it has waited often enough."""
        if verdict is Verdict.LOGIN:
            self._waiting.login_refused()
            return Outcome("requeue", reading.text(), needs_login=True)
        if verdict is Verdict.LIMIT:
            self._waiting.pause("Claude's rate limit is reached", reading.resets_at, shortest=LIMIT_PAUSE)
            return Outcome("requeue", reading.text())
        tries = self._tries[turn.message.id] = self._tries.get(turn.message.id, 0) + 1
        if verdict not in PUT_BACK or tries >= MOST_TRIES:
            return None
        self._waiting.pause(f"No turn is possible: {reading.text()}"[:300])
        return Outcome("requeue", reading.text())

    async def _answered(self, turn: Turn, reading: Reading, outcome: Outcome) -> Outcome:
        """The operator hears something after each message; agents only what the model chose to say."""
        if turn.message.sender != "operator" or reading.told_operator or not outcome.text:
            return outcome
        try:
            await self._hive.answer(turn, outcome.text.encode()[:ANSWER_LIMIT].decode(errors="ignore"))
        except CallRefused as error:
            return Outcome("failed", f"the answer was refused: {error}", model=outcome.model, usage=outcome.usage)
        return outcome
