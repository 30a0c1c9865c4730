"""When the CLI may be tried, and what the operator reads until then."""

from __future__ import annotations

import asyncio

from agents.harness.config import Config
from agents.harness.drivers.claude import login
from agents.harness.drivers.patience import Patience
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


class Waiting(Patience):
    """Knows why there is no point in a turn now."""

    def __init__(self, config: Config, standing: Standing) -> None:
        super().__init__(standing)
        self._config = config
        self._asked = False
        self._refused = False
        self._refused_with: tuple[int, int] | None = None

    async def over(self) -> str:
        """The CLI's path, when a turn may be tried."""
        await self.rested()
        cli = await self._installed()
        if self._refused:
            await self._signed_in_again(cli)
        elif not self._asked:
            await self._signed_in(cli)
        return cli

    def login_refused(self) -> None:
        self._refused, self._refused_with = True, login.credentials()
        self._standing.update(problem=NOT_SIGNED_IN, needs_login=True)

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
