"""One ACP agent as a process: started, spoken to, ended with all that it started."""

from __future__ import annotations

import asyncio
import tempfile
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, suppress
from typing import IO, Any
from uuid import uuid4

from acp import PROTOCOL_VERSION, schema, text_block
from acp.client.connection import ClientSideConnection

from agents.harness.config import Config
from agents.harness.drivers import remains
from agents.harness.drivers.acp.reading import Client, Reading
from agents.harness.drivers.claude import command
from agents.harness.drivers.session import SessionFile
from agents.harness.programs import Program

LINE_LIMIT = 32 * 1024 * 1024
START_SECONDS = 120.0
CANCEL_SECONDS = 2.0
STDERR_KEPT = 4096


class AgentDied(Exception):
    """The agent's process has ended; the text is the end of what it wrote to stderr."""


class Connection:
    """`options` are the settings that the session offers, by id: their category and current value."""

    def __init__(
        self, config: Config, program: Program, client: Client, stderr: IO[bytes], held: AsyncExitStack
    ) -> None:
        assert program.process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.client = client
        self.session: str | None = None
        self.capabilities = schema.AgentCapabilities()
        self.options: dict[str, str] = {}
        self._config, self._program, self._stderr, self._held = config, program, stderr, held
        self._mark = ""
        self._agent = ClientSideConnection(client, program.process.stdin, program.output)

    @classmethod
    async def open(cls, config: Config, session: SessionFile) -> Connection:
        """Start the agent and agree on the protocol. Raises OSError, AgentDied, RequestError, TimeoutError."""
        mark, held = uuid4().hex, AsyncExitStack()
        try:
            await held.enter_async_context(session.locked(mark))
            stderr = held.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack is its context
            env = {**command.environment(config), remains.TURN_MARK: mark}
            words = [str(word) for word in config.options.get("acp.command") or ()]
            program = await Program.start(
                words, config.notes, env=env, stdin=PIPE, stderr=stderr.fileno(), line_limit=LINE_LIMIT
            )
        except BaseException:
            await held.aclose()
            raise
        self = cls(config, program, Client(config), stderr, held)
        self._mark = mark
        try:
            await self._initialize()
        except BaseException:
            await self.close()
            raise
        return self

    @property
    def alive(self) -> bool:
        return self._program.process.returncode is None

    async def begin(self, mcp_url: str, resume: str | None) -> bool:
        """Load the session, or begin a new one; True for a loaded one. Raises as `open` does."""
        found = command.servers(self._config, mcp_url)["mcpServers"]
        servers = [_server(name, entry) for name, entry in found.items()]
        cwd = str(self._config.notes)
        if resume is not None and self.capabilities.load_session:
            self.client.quiet = True
            try:
                loaded = await self._within(self._agent.load_session(cwd=cwd, session_id=resume, mcp_servers=servers))  # type: ignore[arg-type]
            finally:
                self.client.quiet = False
            self.session = resume
            self._note_options(loaded)
            return True
        begun = await self._within(self._agent.new_session(cwd=cwd, mcp_servers=servers))  # type: ignore[arg-type]
        self.session = begun.session_id
        self._note_options(begun)
        return False

    async def prompt(self, text: str, reading: Reading) -> schema.PromptResponse:
        """One turn. Raises AgentDied, RequestError."""
        assert self.session is not None  # noqa: S101 - begun first
        self.client.reading = reading
        try:
            asking = self._agent.prompt(session_id=self.session, prompt=[text_block(text)])
            response: schema.PromptResponse = await self._unless_dead(asking)
            return response
        finally:
            reading.flush()
            self.client.reading = None

    async def cancel(self) -> None:
        if self.session is not None and self.alive:
            with suppress(OSError, ConnectionError):
                await self._agent.cancel(session_id=self.session)

    async def choose_model(self, model: str) -> bool:
        """False where the session offers no choice of models. Raises RequestError for a model it does not know."""
        ident = next((ident for ident, category in self.options.items() if category == "model"), None)
        if ident is None or self.session is None:
            return False
        await self._within(self._agent.set_config_option(config_id=ident, session_id=self.session, value=model))
        return True

    def kill(self) -> None:
        remains.kill_marked(self._mark)

    async def close(self) -> None:
        """Nothing of it is left: such agents outlive a closed stdin."""
        with suppress(OSError, ConnectionError):
            await self._agent.close()
        remains.kill_marked(self._mark)
        await self._program.end()
        await self._held.aclose()

    async def _initialize(self) -> None:
        told = await self._within(
            self._agent.initialize(
                protocol_version=PROTOCOL_VERSION,
                client_capabilities=schema.ClientCapabilities(),
                client_info=schema.Implementation(name="hive-agent", version="1"),
            )
        )
        self.capabilities = told.agent_capabilities or self.capabilities

    def _note_options(self, session: Any) -> None:
        offered = getattr(session, "config_options", None) or []
        self.options = {option.id: str(option.category or option.id) for option in offered}

    async def _within(self, request: Any) -> Any:
        async with asyncio.timeout(START_SECONDS):
            return await self._unless_dead(request)

    async def _unless_dead(self, request: Any) -> Any:
        """The library would wait for an agent that is gone."""
        answer = asyncio.ensure_future(request)
        death = asyncio.ensure_future(self._program.process.wait())
        try:
            await asyncio.wait({answer, death}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise AgentDied(self._last_words())
            return answer.result()
        except ConnectionError as error:
            raise AgentDied(self._last_words() or str(error)) from error
        finally:
            for task in (answer, death):
                task.cancel()
            await asyncio.gather(answer, death, return_exceptions=True)

    def _last_words(self) -> str:
        size = self._stderr.seek(0, 2)
        self._stderr.seek(max(0, size - STDERR_KEPT))
        said = self._stderr.read().decode("utf-8", errors="replace").strip()[-500:]
        return said or f"it ended with status {self._program.process.returncode}"


def _server(name: str, entry: dict[str, Any]) -> schema.HttpMcpServer | schema.McpServerStdio:
    """The CLI's way of naming a server in the protocol's words."""
    if entry["type"] == "http":
        headers = [schema.HttpHeader(name=key, value=value) for key, value in (entry.get("headers") or {}).items()]
        return schema.HttpMcpServer(name=name, url=entry["url"], headers=headers, type="http")
    env = [schema.EnvVariable(name=key, value=value) for key, value in (entry.get("env") or {}).items()]
    return schema.McpServerStdio(name=name, command=entry["command"], args=entry.get("args") or [], env=env)
