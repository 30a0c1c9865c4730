"""Signing the CLI in at the operator's word: `claude auth login` over pipes.

It prints an address and waits for the code that the operator gets there. The code goes to its standard input; whether
it was right is asked of the CLI afterwards, not read from its words.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

from agents.harness.config import Config
from agents.harness.drivers.base import CannotDo
from agents.harness.drivers.claude import login
from agents.harness.drivers.claude.command import environment
from agents.harness.programs import PIECE, Program

ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")
CODE = re.compile(r"[\x21-\x7e]{4,1000}")
ADDRESS_SECONDS, RESULT_SECONDS, WAITING_SECONDS = 60.0, 60.0, 1800.0
LAST_WORDS = 600


class SignIn:
    """One attempt at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._program: Program | None = None
        self._said = ""
        self._expiry: asyncio.TimerHandle | None = None

    async def start(self) -> str:
        """The address to open. An attempt that waits is given up. Raises CannotDo."""
        await self.cancel()
        cli = login.find_cli()
        if cli is None:
            raise CannotDo("the Claude CLI is not installed where this agent runs")
        _keep_private()
        try:
            self._program = await Program.start(
                [cli, "auth", "login"], self._config.notes, env=environment(self._config), stdin=PIPE
            )
        except (OSError, ValueError) as error:
            raise CannotDo(f"the CLI could not be started: {error}") from error
        address = await self._heard(ADDRESS, ADDRESS_SECONDS)
        if address is None:
            await self.cancel()
            raise CannotDo(f"the CLI named no address: {self._said.strip()[-LAST_WORDS:] or 'it said nothing'}")
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(WAITING_SECONDS, lambda: asyncio.ensure_future(self.cancel()))
        return address

    async def enter(self, code: str) -> str:
        """Hand over the code; what came of it. Raises CannotDo."""
        program = self._program
        if program is None or program.process.stdin is None:
            raise CannotDo("no sign-in waits for a code: start one")
        if not CODE.fullmatch(code.strip()):
            raise CannotDo("that is no code: it is one word of letters, digits and signs")
        before = len(self._said)
        with suppress(ConnectionError):
            program.process.stdin.write(f"{code.strip()}\n".encode())
            await program.process.stdin.drain()
        reading = asyncio.ensure_future(self._rest(program))
        with suppress(TimeoutError):
            await asyncio.wait_for(program.process.wait(), RESULT_SECONDS)
        await asyncio.wait({reading}, timeout=1)
        reading.cancel()
        words = self._said[before:].strip()
        await self.cancel()
        return await self._outcome(words)

    async def cancel(self) -> None:
        """Give up an attempt that waits."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        program, self._program = self._program, None
        if program is not None:
            await program.end()

    async def status(self) -> str:
        cli = login.find_cli()
        if cli is None:
            raise CannotDo("the Claude CLI is not installed where this agent runs")
        return "signed in" if await login.signed_in(cli, self._config) else "not signed in"

    async def _outcome(self, words: str) -> str:
        cli = login.find_cli()
        if cli is not None and login.credentials() is not None and await login.signed_in(cli, self._config):
            _keep_private()
            return "signed in"
        raise CannotDo(f"the sign-in did not work: {words[-LAST_WORDS:] or 'the CLI did not say why'}")

    async def _heard(self, wanted: re.Pattern[str], seconds: float) -> str | None:
        """Read until the CLI has said it, to the end of its line."""
        program, self._said = self._program, ""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while program is not None and (piece := await program.output.read(PIECE)):
                    self._said = (self._said + piece.decode(errors="replace"))[-PIECE:]
                    match = wanted.search(self._said)
                    if match and match.end() < len(self._said):
                        return match[0]
        return None

    async def _rest(self, program: Program) -> None:
        while piece := await program.output.read(PIECE):
            self._said = (self._said + piece.decode(errors="replace"))[-PIECE:]


def _keep_private() -> None:
    """The folder of the credentials is nobody else's business, whatever made it."""
    folder = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) != 0o700:
            folder.chmod(0o700)
