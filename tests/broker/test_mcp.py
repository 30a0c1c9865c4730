"""MCP at /mcp over the agent's own socket, spoken by the library's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.broker.hive import Agentlike, Hive, until

Names = Callable[..., list[str]]
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def http(hive: Hive, name: str, token: str | None = None) -> httpx2.AsyncClient:
    token = hive.tokens[name] if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx2.AsyncHTTPTransport(uds=str(hive.paths.agent_socket(name)))
    return httpx2.AsyncClient(transport=transport, headers=headers, base_url="http://localhost", timeout=30)


@asynccontextmanager
async def session(hive: Hive, name: str) -> AsyncIterator[ClientSession]:
    async with (
        http(hive, name) as client,
        streamable_http_client("http://localhost/mcp", http_client=client) as (read, write),
        ClientSession(read, write) as talking,
    ):
        await talking.initialize()
        yield talking


async def call(talking: ClientSession, tool: str, **args: Any) -> tuple[bool, str]:
    result: Any = await talking.call_tool(tool, args)
    return not result.is_error, result.content[0].text


async def test_it_offers_the_tools_that_the_caller_may_use(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    if "hm1nd" not in hive.tokens:
        hive.add("hm1nd")
    async with session(hive, alice) as talking:
        own = {tool.name: tool for tool in (await talking.list_tools()).tools}
    async with session(hive, "hm1nd") as talking:
        managers = {tool.name for tool in (await talking.list_tools()).tools}
    assert set(own) == {
        *("send", "recv", "ask", "answer", "remind", "get_loose_ends", "cancel_loose_end", "set_status"),
        *("get_agent_meta", "search_messages", "list_containers", "get_logs", "schedule_prompt"),
    }
    asking = {"spawn", "spawn_draft", "spawn_commit", "apply_commit", "destroy", "update_inputs"}
    assert managers == {*own, *(f"request_{what}" for what in asking)}
    assert all(len(tool.description or "") > 40 for tool in own.values())
    assert own["send"].input_schema["required"] == ["to", "body"]


async def test_the_token_decides_who_sends(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with session(hive, alice) as talking:
        ok, text = await call(talking, "send", to=bob, body="by MCP")
        assert ok, text
        refused = await call(talking, "send", to=bob, body="x", sender="operator")
        assert refused == (
            False,
            "send: 'sender' is not known; there are: to, body, in_reply_to, idempotency_key, priority, ttl_seconds",
        )
        assert (await call(talking, "send", to="ghost", body="x"))[1].startswith("there is no agent 'ghost'")
    rows = hive.rows("SELECT sender, provenance FROM broker_message WHERE id = ?", json.loads(text)["id"])
    assert rows == [(alice, "agent")]


@pytest.mark.parametrize("token", ["", "wrong", "of another"])
async def test_a_wrong_token_is_answered_401(hive: Hive, names: Names, token: str) -> None:
    alice, bob = names(2)
    async with http(hive, alice, hive.tokens[bob] if token == "of another" else token) as client:
        answer = await client.post("/mcp", json=LIST, headers=HEADERS)
    assert answer.status_code == 401
    assert "token" in answer.json()["error"]
    assert hive.log.count(f"MCP call of {alice} refused") == 1


async def test_a_strange_host_a_long_body_and_a_get_are_refused(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with http(hive, alice) as client:
        assert (await client.post("/mcp", json=LIST, headers={**HEADERS, "Host": "evil.example"})).status_code == 421
        long = {**LIST, "params": {"x": "y" * 2**20}}
        assert (await client.post("/mcp", json=long, headers=HEADERS)).status_code == 413
        assert (await client.get("/mcp", headers=HEADERS)).status_code == 405
        assert (await client.post("/mcp", content=b"{", headers=HEADERS)).status_code == 400
        assert (await client.post("/mcp", json=LIST, headers=HEADERS)).status_code == 200


async def test_recv_leases_into_the_turn_of_the_websocket(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(bob) as socket, session(hive, bob) as talking, session(hive, alice) as other:
        agent = Agentlike(socket)
        assert "no turn of yours" in (await call(talking, "recv"))[1]
        await agent.hello()
        # The turn's own message fills the window, so that the next one is for `recv` whichever comes first.
        await call(other, "send", to=bob, body="go")
        await agent.say(type="turn_started", turn="t", messages=[(await agent.message())["id"]])
        waiting = asyncio.create_task(call(talking, "recv", wait_seconds=30))
        await call(other, "send", to=bob, body="news")
        ok, text = await waiting
        assert ok
        assert [message["body"] for message in json.loads(text)] == ["news"]
        await agent.say(type="turn_ended", turn="t", outcome="ok")
        until(lambda: hive.states(bob) == ["acknowledged"] * 2)


async def test_a_recv_whose_client_is_gone_takes_nothing(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(bob) as socket, session(hive, alice) as other:
        agent = Agentlike(socket)
        await agent.hello()
        await agent.say(type="turn_started", turn="t", messages=[])
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        request["params"] = {"name": "recv", "arguments": {"wait_seconds": 30}}
        async with http(hive, bob) as client, client.stream("POST", "/mcp", json=request, headers=HEADERS) as answer:
            assert answer.status_code == 200
        # The stream is closed unread: what comes now must go to the session, not to nobody.
        await call(other, "send", to=bob, body="not lost")
        assert (await agent.message())["body"] == "not lost"


async def test_a_long_recv_keeps_its_stream_alive(hive: Hive, names: Names) -> None:
    (bob,) = names(1)
    async with hive.socket(bob) as socket, http(hive, bob) as client:
        agent = Agentlike(socket)
        await agent.hello()
        await agent.say(type="turn_started", turn="t", messages=[])
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        request["params"] = {"name": "recv", "arguments": {"wait_seconds": 1}}
        async with client.stream("POST", "/mcp", json=request, headers=HEADERS) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = [line async for line in answer.aiter_lines() if line.startswith("data:")]
    assert json.loads(events[-1][5:])["result"]["content"][0]["text"] == "[]"


async def test_tools_that_fail_say_why_and_nothing_else(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with session(hive, alice) as talking:
        ok, text = await call(talking, "request_apply_commit", agent=alice, commit_ref="abcdef0")
        assert (ok, "manager only" in text) == (False, True)
        ok, text = await call(talking, "get_logs", lines=0)
        assert (ok, text) == (False, "get_logs: 'lines' must be a whole number from 1 to 500")
