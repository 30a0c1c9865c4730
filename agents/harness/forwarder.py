"""The loopback door of an agent: MCP for its model, /healthz and /api/state for whoever asks on its port.

`http://127.0.0.1:PORT/<secret>/mcp` goes to the hive's Unix socket with this agent's token added; `/<secret>/bash` is
the harness's own server. The model's CLI knows the address only; the token is in no environment, argument or file of
the CLI.
"""

from __future__ import annotations

import asyncio
import errno
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from agents.harness import http1
from agents.harness.config import BadConfiguration, Config
from agents.harness.http1 import BadRequest, Head
from agents.harness.journal import Emit

TRIES, FIRST_PAUSE, LONGEST_PAUSE = 12, 1.0, 2.0
HIVE_SECONDS = 20.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
FORWARDED = ("GET", "POST", "DELETE")
HOP_BY_HOP = (
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
)
CLAIMS = ("authorization", "cookie", "host", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
NOT_FORWARDED = (*HOP_BY_HOP, *CLAIMS, "daphne-root-path")
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
REASONS |= {
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    408: "Request Timeout",
    502: "Bad Gateway",
}


class PortTaken(Exception):
    """Somebody else listens on the agent's port."""


Server = Callable[[str, Head, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Forwarder:
    """`servers` are MCP servers of the harness's own, by the last part of their secret address."""

    def __init__(
        self,
        config: Config,
        state: Callable[[], dict[str, Any]],
        emit: Emit,
        servers: Mapping[str, Server] | None = None,
    ) -> None:
        self._config, self._state, self._emit = config, state, emit
        self._servers = servers or {}
        self._secret = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()

    @property
    def url(self) -> str:
        """The address of the hive's MCP endpoint; whoever has it acts as this agent."""
        return f"http://127.0.0.1:{self._config.port}/{self._secret}/mcp"

    async def start(self, tries: int = TRIES, pause: float = FIRST_PAUSE) -> None:
        """Listen on the agent's port. Raises PortTaken after the last try, OSError for anything else."""
        for left in reversed(range(tries)):
            try:
                self._server = await asyncio.start_server(
                    self._serve, "127.0.0.1", self._config.port, limit=http1.HEAD_LIMIT, reuse_address=True
                )
                self.listening.set()
                return
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if left == 0:
                    raise PortTaken(f"port {self._config.port} is taken; gave up after {tries} tries") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always run as a task by the server
        self._open.add(task)
        try:
            await self._request(reader, writer)
        except BadRequest as error:
            with suppress(OSError):
                _answer(writer, error.status, {"error": str(error)})
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(http1.read_head(reader), http1.HEAD_SECONDS)
        except TimeoutError as error:
            raise BadRequest(408, "no request came") from error
        if head is None:
            return
        method, path = _checked(head)
        if path == "/healthz" and method == "GET":
            _answer(writer, 200, {"status": "ok"})
        elif path == "/api/state" and method == "GET":
            _answer(writer, 200, self._state())
        elif secrets.compare_digest(path.encode("latin-1"), f"/{self._secret}/mcp".encode()):
            await self._forward(method, head, reader, writer)
        elif (server := self._own_server(path)) is not None:
            await server(method, head, reader, writer)
        else:
            raise BadRequest(404, "nothing here")
        await writer.drain()

    def _own_server(self, path: str) -> Server | None:
        secret, _, name = path.removeprefix("/").partition("/")
        known = secrets.compare_digest(secret.encode("latin-1"), self._secret.encode())
        return self._servers.get(name) if known else None

    async def _forward(
        self, method: str, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if method not in FORWARDED:
            raise BadRequest(405, f"{method} is not taken here")
        http1.body_length(head)
        hive_reader, hive_writer = await self._hive()
        try:
            hive_writer.write(self._rewritten(method, head))
            await _both_ways(head, (reader, writer), (hive_reader, hive_writer))
        finally:
            hive_writer.close()

    def _rewritten(self, method: str, head: Head) -> bytes:
        try:
            token = self._config.token()
        except (OSError, BadConfiguration) as error:
            raise BadRequest(502, "this agent has no token now") from error
        fields = [("Host", "localhost"), *head.without(*NOT_FORWARDED)]
        return http1.render(
            f"{method} /mcp HTTP/1.1", [*fields, ("Authorization", f"Bearer {token}"), ("Connection", "close")]
        )

    async def _hive(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Waits while the hive restarts: nothing has been asked yet, so nothing can be done twice."""
        deadline = asyncio.get_running_loop().time() + HIVE_SECONDS
        pause = 0.05
        while True:
            try:
                return await asyncio.open_unix_connection(str(self._config.socket), limit=http1.HEAD_LIMIT)
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise BadRequest(502, "the hive does not answer; try again later") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(head: Head, client: Streams, hive: Streams) -> None:
    """Ends with the hive's answer, or when the client hangs up: then the hive must see that at once (its `recv`)."""
    upload = asyncio.ensure_future(_upload(head, client[0], hive[1]))
    answer = asyncio.ensure_future(_download(hive[0], client[1]))
    try:
        await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() or not upload.result():
            await answer
    finally:
        for task in (upload, answer):
            task.cancel()
        await asyncio.gather(upload, answer, return_exceptions=True)


async def _upload(head: Head, client: asyncio.StreamReader, hive: asyncio.StreamWriter) -> bool:
    """Send the body, then wait until the client hangs up: True. False: the hive stopped reading; its answer tells."""
    async for piece in _framed(head, client):
        try:
            hive.write(piece)
            await hive.drain()
        except ConnectionError:
            return False
    while await client.read(http1.PIECE):
        pass
    return True


async def _framed(head: Head, client: asyncio.StreamReader) -> AsyncIterator[bytes]:
    chunked = http1.body_length(head) is None
    async for piece in http1.body(head, client):
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
    if chunked:
        yield b"0\r\n\r\n"


async def _download(hive: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    try:
        head = await http1.read_head(hive)
    except (BadRequest, ConnectionError):
        head = None
    if head is None:
        raise BadRequest(502, "the hive went away; whether it did what was asked is not known")
    client.write(http1.render(head.start, [*head.without("connection", "keep-alive"), ("Connection", "close")]))
    while piece := await hive.read(http1.PIECE):
        client.write(piece)
        await client.drain()


def _checked(head: Head) -> tuple[str, str]:
    """Method and path. A page of another site that found the port is told nothing (DNS rebinding)."""
    words = head.start.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1" or not words[1].startswith("/"):
        raise BadRequest(400, "not a request of HTTP/1.1")
    hosts, origins = head.all("host"), head.all("origin")
    if len(hosts) != 1 or not _loopback(hosts[0]):
        raise BadRequest(403, "the Host is not this machine's own")
    if any(not _loopback(origin.partition("://")[2]) for origin in origins):
        raise BadRequest(403, "the Origin is not this machine's own")
    return words[0], words[1]


def _loopback(host: str) -> bool:
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "0")
    return name in LOOPBACK and port.isdigit()


def _answer(writer: asyncio.StreamWriter, status: int, data: dict[str, Any]) -> None:
    text = json.dumps(data).encode()
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(text))), ("Connection", "close")]
    fields += [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    writer.write(http1.render(f"HTTP/1.1 {status} {REASONS[status]}", fields) + text)
