"""The loopback door: what passes, with what added and dropped, and what does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agents.harness.config import Config
from agents.harness.forwarder import Forwarder, PortTaken
from agents.harness.mcpclient import McpClient, ToolCallFailed
from tests.harness.agent import free_port
from tests.harness.hive import Hive, serve

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TOKEN = "token-of-the-first-start"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "token").write_text(TOKEN)
    return Config(name="alice", driver="scripted", run_dir=tmp_path, notes=tmp_path, port=free_port())


@pytest.fixture
async def door(config: Config) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(config, lambda: {"name": "alice", "connected": True}, lambda kind, **data: None)
    await forwarder.start()
    yield forwarder
    await forwarder.stop()


def path_of(door: Forwarder) -> str:
    return door.url.partition("/")[2].partition("/")[2].partition("/")[2]


async def raw(config: Config, text: str) -> str:
    """What the door answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
    writer.write(text.encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode("latin-1")


def request(door: Forwarder, *fields: str, path: str | None = None, method: str = "POST", body: str = "") -> str:
    lines = [f"{method} {path or '/' + path_of(door)} HTTP/1.1", "Host: 127.0.0.1", *fields]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


@contextlib.asynccontextmanager
async def upstream(config: Config, serve: Serve) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(serve, str(config.socket))
    yield
    server.close()


class Echo:
    """Answers with the head and body it got."""

    def __init__(self) -> None:
        self.head = ""
        self.body = b""
        self.gone = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nKeep-Alive: 5\r\n\r\ndata: one\n\n")
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1000):
                self.body += piece
                if b"end" in piece:
                    break
        self.gone.set()
        writer.write(b"data: two\n\n")
        writer.close()


async def test_the_token_is_added_and_claims_of_the_caller_are_dropped(config: Config, door: Forwarder) -> None:
    echo = Echo()
    async with upstream(config, echo):
        sent = ("Authorization: Bearer forged", "Cookie: a=b", "X-Forwarded-For: 1.2.3.4", "Accept: text/plain")
        answer = await raw(config, request(door, *sent, "Connection: upgrade", "Daphne-Root-Path: /x", body="end"))
    assert echo.head.startswith("POST /mcp HTTP/1.1\r\n")
    assert echo.head.count("Authorization") == 1
    assert f"Authorization: Bearer {TOKEN}\r\n" in echo.head
    assert "Accept: text/plain\r\n" in echo.head
    assert not any(word in echo.head for word in ("forged", "Cookie", "X-Forwarded", "upgrade", "Daphne"))
    assert answer.endswith("data: one\n\ndata: two\n\n")
    assert "Keep-Alive" not in answer
    assert TOKEN not in answer


async def test_a_rotated_token_is_used_at_once(config: Config, door: Forwarder) -> None:
    (config.run_dir / "token").write_text("token-of-the-second-start")
    echo = Echo()
    async with upstream(config, echo):
        await raw(config, request(door, body="end"))
    assert "Bearer token-of-the-second-start\r\n" in echo.head


async def test_an_answer_streams_and_a_client_that_hangs_up_is_noticed(config: Config, door: Forwarder) -> None:
    echo = Echo()
    async with upstream(config, echo):
        reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
        writer.write(request(door, body="12345").encode())
        await asyncio.wait_for(reader.readuntil(b"data: one\n\n"), 5)
        assert not echo.gone.is_set()
        writer.close()
        await asyncio.wait_for(echo.gone.wait(), 5)
    assert echo.body == b"12345"


async def test_a_chunked_body_streams_and_stays_chunked(config: Config, door: Forwarder) -> None:
    echo = Echo()
    async with upstream(config, echo):
        reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
        head = f"POST /{path_of(door)} HTTP/1.1\r\nHost: localhost:{config.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"3\r\nabc\r\n")
        await asyncio.wait_for(reader.readuntil(b"data: one\n\n"), 5)
        writer.write(b"3;x=y\r\nend\r\n0\r\n\r\n")
        await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert echo.body.startswith(b"3\r\nabc\r\n3\r\nend\r\n")


@pytest.mark.parametrize("path", ["/mcp", "/x/mcp", "/", "//mcp", "/../mcp", "/api/state/mcp"])
async def test_without_the_secret_there_is_nothing(config: Config, door: Forwarder, path: str) -> None:
    assert "404 Not Found" in await raw(config, request(door, path=path))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", 403),
        ("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
        ("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("hello\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nbad name: x\r\n\r\n", 400),
        (f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {'y' * 40_000}\r\n\r\n", 431),
        ("POST /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ],
)
async def test_bad_requests_are_refused(config: Config, door: Forwarder, text: str, status: int) -> None:
    assert (await raw(config, text)).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: -1",),
        ("Content-Length: 1, 1",),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ],
)
async def test_a_body_that_two_readers_could_read_apart_is_refused(
    config: Config, door: Forwarder, fields: tuple[str, ...]
) -> None:
    head = "\r\n".join([f"POST /{path_of(door)} HTTP/1.1", "Host: localhost", *fields, "", ""])
    assert (await raw(config, head)).startswith("HTTP/1.1 400 ")


async def test_only_the_methods_of_mcp_pass(config: Config, door: Forwarder) -> None:
    assert "405 Method Not Allowed" in await raw(config, request(door, method="PUT"))


async def test_state_and_health_need_no_secret_and_hold_none(config: Config, door: Forwarder) -> None:
    health = await raw(config, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    state = await raw(config, "GET /api/state HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n")
    assert json.loads(health.partition("\r\n\r\n")[2]) == {"status": "ok"}
    assert json.loads(state.partition("\r\n\r\n")[2]) == {"name": "alice", "connected": True}


async def test_a_hive_that_restarts_is_waited_for(config: Config, door: Forwarder) -> None:
    asking = asyncio.ensure_future(raw(config, request(door, body="end")))
    await asyncio.wait({asking}, timeout=0.2)
    assert not asking.done()
    async with upstream(config, Echo()):
        assert "200 OK" in await asking


async def test_a_hive_that_goes_away_in_the_middle_is_a_bad_gateway(config: Config, door: Forwarder) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with upstream(config, hang_up):
        answer = await raw(config, request(door))
    assert answer.startswith("HTTP/1.1 502 ")
    assert "not known" in answer


async def test_a_taken_port_ends_in_one_line(config: Config, door: Forwarder) -> None:
    second = Forwarder(config, dict, lambda kind, **data: None)
    with pytest.raises(PortTaken, match=f"port {config.port} is taken; gave up after 3 tries"):
        await second.start(tries=3, pause=0.01)


@pytest.mark.parametrize("json_response", [False, True])
async def test_our_client_speaks_with_the_librarys_server(config: Config, door: Forwarder, json_response: bool) -> None:
    hive = Hive()
    async with serve(hive, config.socket, json_response=json_response):
        client = McpClient(door.url)
        results = [await client.call("send", {"to": "bob", "body": "hi"}), await client.call("fail", {"text": "no"})]
        with pytest.raises(ToolCallFailed, match="404"):
            await McpClient(door.url + "x").call("send", {})
    assert (results[0].ok, results[0].text) == (True, "sent to bob")
    assert results[1].ok is False
    assert "no" in results[1].text
    assert all(head["authorization"] == f"Bearer {TOKEN}" for head in hive.mcp_heads)


async def test_the_librarys_client_speaks_through_the_door(config: Config, door: Forwarder) -> None:
    from mcp.client import Client

    async with serve(Hive(), config.socket), Client(door.url) as client:
        result: Any = await client.call_tool("send", {"to": "bob", "body": "hi"})
    assert result.content[0].text == "sent to bob"
