"""The operator's side and the agents' side never meet, and what the server itself refuses."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agents.command import CommandFailed
from tests.broker.hive import Agentlike, Hive, until
from tests.broker.test_mcp import HEADERS, LIST, http

Names = Callable[..., list[str]]
PAGES = ["/", "/healthz", "/admin/", "/sign-in/", "/agents/alice/", "/mcp/", "/static/x", "/api/v1/wake/alice"]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_not_reachable_over_an_agents_socket(hive: Hive, names: Names, path: str) -> None:
    (alice,) = names(1)
    async with http(hive, alice) as client:
        answer = await client.get(path)
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


async def test_a_root_path_from_a_client_counts_for_nothing(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with http(hive, alice) as client:
        answer = await client.get("/healthz", headers={"Daphne-Root-Path": "/mcp"})
        assert answer.status_code == 404
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{hive.port}") as client:
        answer = await client.get("/", headers={"Daphne-Root-Path": "/evil"})
        assert "/evil" not in answer.headers.get("location", "") + answer.text


async def test_the_browsers_websocket_is_not_there_for_agents(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    with pytest.raises(InvalidStatus) as refused:
        async with hive.socket(alice, uri="ws://localhost/ws/live"):
            pass
    assert refused.value.response.status_code == 403


async def test_the_agents_endpoints_are_not_there_on_tcp(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    headers = {"Authorization": f"Bearer {hive.tokens[alice]}"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{hive.port}/ws/agent", additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{hive.port}", headers=headers) as client:
        answer = await client.post("/mcp", json=LIST, headers=HEADERS)
    assert answer.status_code >= 300
    assert "tools" not in answer.text


async def test_a_body_over_the_limit_is_refused_before_it_is_read(hive: Hive) -> None:
    start = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    for framing in (
        b"Content-Length: 99999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n300000\r\n" + b"x" * 0x300000,
    ):
        with socket.create_connection(("127.0.0.1", hive.port), timeout=10) as client:
            client.sendall(start + framing)
            answer = client.recv(1000)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert f"Content-Length: {len(body)}".encode() in head
        assert json.loads(body) == {"error": "the request body is too large"}


async def test_a_client_that_never_reads_is_not_written_to_without_end(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob, max_queue=1) as b:
        sender, lazy = Agentlike(a), Agentlike(b)
        await sender.hello()
        await lazy.hello(window=64)
        b.transport.pause_reading()
        before = memory(hive)
        for number in range(100):
            await sender.send(bob, f"{number} " + "x" * 250_000)
        assert "queued" in hive.states(bob), "it is pushed no more than it reads"
        assert memory(hive) - before < 30_000, "kB"
        b.transport.resume_reading()
        seen = 0
        while seen < 64:
            await lazy.message()
            seen += 1
        assert hive.states(bob).count("delivered") == 64


def memory(hive: Hive) -> int:
    """Resident kB of the web process."""
    with open(f"/proc/{hive.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


async def test_a_client_that_floods_is_read_no_faster_than_it_is_handled(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with hive.socket(alice) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        before = memory(hive)
        for number in range(3000):
            await agent.say(type="report", model=f"m{number}", problem="y" * 2000)
        assert (await agent.call("set_status", text="done"))["ok"]
        assert memory(hive) - before < 30_000, "kB"
    assert hive.agent(alice, "active_model") == "m2999"


async def test_a_socket_whose_file_vanished_is_made_again(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    hive.paths.agent_socket(alice).unlink()
    until(lambda: hive.listens(alice))
    assert hive.paths.agent_socket(alice).stat().st_mode & 0o777 == 0o600


async def test_it_stops_at_once_and_says_goodbye(own_hive: Hive) -> None:
    own_hive.add("alice")
    own_hive.start()
    async with own_hive.socket("alice") as socket:
        agent = Agentlike(socket)
        await agent.hello()
        begun = time.monotonic()
        assert own_hive.kill(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 3
        with pytest.raises(ConnectionClosed):
            await agent.hear()
        assert socket.close_code == 1001
    assert own_hive.agent("alice", "connected") == 0


def test_a_runtime_root_that_is_too_long_is_one_clear_line(own_hive: Hive) -> None:
    own_hive.paths = type(own_hive.paths)(own_hive.paths.state, own_hive.root / ("r" * 90))
    with pytest.raises(CommandFailed) as failed:
        own_hive.manage("web")
    assert failed.value.code == 1
    assert "HYPERHIVE_RUNTIME_ROOT" in failed.value.stderr
    assert "Traceback" not in failed.value.stderr


def test_a_port_that_is_taken_is_tried_again_and_then_one_clear_line() -> None:
    from hiveproject.server import HiveServer, PortTaken

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            HiveServer(None, "127.0.0.1", port).listen(tries=3, pause=0.01)
