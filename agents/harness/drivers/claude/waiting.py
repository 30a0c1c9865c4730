"""When the CLI may be tried, and what the operator reads until then."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from agents.harness.config import Config
from agents.harness.drivers.claude import login
from agents.harness.standing import Standing

NO_CLI = (
    "The Claude CLI is not installed where this agent runs. Install it (npm install -g @anthropic-ai/claude-code) and"
    ' restart the agent, or set hyperhive.driver = "scripted". Its messages wait.'
)
NOT_SIGNED_IN = (
    "Claude is not signed in. Sign in with CLAUDE_CONFIG_DIR set to this agent's claude folder: claude auth login."
    " Its messages wait."
)
CLI_SECONDS = 5.0
LOGIN_SECONDS = 60.0
SHORT_PAUSE, LIMIT_PAUSE, LONGEST_PAUSE = 5.0, 60.0, 1800.0


class Waiting:
    """Knows why there is no point in a turn now."""

    def __init__(self, config: Config, standing: Standing) -> None:
        self._config, self._standing = config, standing
        self._asked = False
        self._refused = False
        self._refused_with: tuple[int, int] | None = None
        self._until = 0.0
        self._pauses = 0

    async def over(self) -> str:
        """The CLI's path, when a turn may be tried."""
        await asyncio.sleep(max(0.0, self._until - time.time()))
        self._standing.update(limited_until=None)
        cli = await self._installed()
        if self._refused:
            await self._signed_in_again(cli)
        elif not self._asked:
            await self._signed_in(cli)
        return cli

    def worked(self) -> None:
        """A turn went through: nothing is wrong any more."""
        self._pauses, self._until = 0, 0.0
        self._standing.update(problem=None, needs_login=False, limited_until=None)

    def login_refused(self) -> None:
        self._refused, self._refused_with = True, login.credentials()
        self._standing.update(problem=NOT_SIGNED_IN, needs_login=True)

    def pause(self, why: str, until: float | None = None, shortest: float = SHORT_PAUSE) -> None:
        """Try again at `until` (Unix time), else after pauses that grow."""
        self._pauses += 1
        seconds = min(shortest * 2 ** (self._pauses - 1), LONGEST_PAUSE)
        self._until = max(until or 0.0, time.time() + (1.0 if until else seconds))
        again = datetime.fromtimestamp(self._until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self._standing.update(problem=f"{why}. Messages wait; the next try is at {again}.")

    def limited(self, until: float | None, shortest: float) -> None:
        """Parked by a rate limit until the time the service named, else after growing pauses."""
        self.pause("Claude's rate limit is reached", until, shortest)
        self._standing.update(limited_until=self._until)

    async def _installed(self) -> str:
        while (cli := login.find_cli()) is None:
            self._standing.update(problem=NO_CLI)
            await asyncio.sleep(CLI_SECONDS)
        if self._standing.facts.problem == NO_CLI:
            self._standing.update(problem=None)
        return cli

    async def _signed_in(self, cli: str) -> None:
        """Before the first turn: say at once that it cannot work."""
        while not await login.signed_in(cli, self._config):
            before = login.credentials()
            self._standing.update(problem=NOT_SIGNED_IN, needs_login=True)
            await login.credentials_changed(before, LOGIN_SECONDS)
        self._asked = True
        if self._standing.facts.needs_login:
            self._standing.update(problem=None, needs_login=False)

    async def _signed_in_again(self, cli: str) -> None:
        """After a refusal: wait for new credentials, or a while, before the service is asked once more."""
        if await login.credentials_changed(self._refused_with, LOGIN_SECONDS):
            await self._signed_in(cli)
        self._refused = False
