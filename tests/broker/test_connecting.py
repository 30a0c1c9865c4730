"""Who may connect to an agent's socket, and what a frame may not be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.broker.hive import Agentlike, Frame, Hive, until

Names = Callable[..., list[str]]
HELLO: Frame = {"type": "hello", "version": 1, "harness": "test", "driver": "scripted", "window": 1}


async def test_it_welcomes_an_agent_and_shows_it_as_connected(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        welcome = await Agentlike(socket).hello()
        assert (welcome["version"], welcome["agent"]) == (1, name)
        assert hive.agent(name, "connected") == 1
    until(lambda: hive.agent(name, "connected") == 0)


@pytest.mark.parametrize("token", ["", "wrong", "token-of-other"])
async def test_it_refuses_a_token_that_is_not_this_agents(hive: Hive, names: Names, token: str) -> None:
    name, other = names(2)
    with pytest.raises(InvalidStatus) as refused:
        async with hive.socket(name, hive.tokens[other] if token == "token-of-other" else token or None or ""):
            pass
    assert refused.value.response.status_code == 403
    assert f"websocket of {name} refused" in hive.log
    assert hive.agent(name, "connected") == 0


async def test_it_refuses_an_agent_that_was_destroyed(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    hive.execute("UPDATE agents_agent SET lifecycle = 'kept' WHERE name = ?", name)
    with pytest.raises(InvalidStatus):
        async with hive.socket(name):
            pass


async def test_it_names_both_versions_and_closes(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.say(**{**HELLO, "version": 7})
        error = await agent.hear()
        assert error["code"] == "unknown_version"
        assert "version 1" in error["message"]
        assert "version 7" in error["message"]
        with pytest.raises(ConnectionClosed):
            await agent.hear()
        assert socket.close_code == 4400
    assert hive.agent(name, "connected") == 0


async def test_hello_must_come_first(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.say(type="report", model="m")
        assert (await agent.hear())["code"] == "hello_expected"
        with pytest.raises(ConnectionClosed):
            await agent.hear()
        assert socket.close_code == 4400
    assert hive.agent(name, "active_model") == ""


@pytest.mark.parametrize(
    ("frame", "code", "says"),
    [
        ("{not json", "not_json", "not JSON"),
        (b"\x00\x01", "not_json", "binary"),
        ("[" * 100_000, "not_json", "not JSON"),
        ("[1]", "not_an_object", "object"),
        ('"text"', "not_an_object", "object"),
        ({}, "unknown_type", "None"),
        ({"type": "dance"}, "unknown_type", "dance"),
        ({"type": 5}, "unknown_type", "5"),
        ({"type": "turn_started", "turn": "t"}, "bad_field", "messages"),
        ({"type": "turn_started", "turn": 5, "messages": []}, "bad_field", "turn"),
        ({"type": "turn_started", "turn": "t" * 65, "messages": []}, "bad_field", "turn"),
        ({"type": "turn_started", "turn": "t", "messages": ["1"]}, "bad_field", "messages"),
        ({"type": "turn_started", "turn": "t", "messages": [2**63]}, "bad_field", "messages"),
        ({"type": "turn_started", "turn": "t", "messages": [999_999]}, "bad_field", "999999"),
        ({"type": "turn_ended", "turn": "never", "outcome": "ok"}, "bad_field", "never"),
        ({"type": "turn_ended", "turn": "t", "outcome": "perhaps"}, "bad_field", "outcome"),
        ({"type": "report", "needs_login": "yes"}, "bad_field", "needs_login"),
        ({"type": "report", "problem": 5}, "bad_field", "problem"),
        ({"type": "report", "model": "\ud800"}, "bad_field", "model"),
        ({"type": "call", "id": "1", "tool": "send"}, "bad_field", "args"),
        ({"type": "call", "id": "1", "tool": "send", "args": []}, "bad_field", "args"),
        ({"type": "call", "id": "", "tool": "send", "args": {}}, "bad_field", "id"),
        (HELLO, "bad_field", "already"),
    ],
)
async def test_a_bad_frame_is_answered_and_changes_nothing(
    hive: Hive, names: Names, frame: Any, code: str, says: str
) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        await socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))
        error = await agent.hear()
        assert (error["type"], error["code"]) == ("error", code)
        assert says in error["message"]
        assert (await agent.call("list_containers"))["ok"], "the socket stays open"
    assert hive.log.count(f"frame of {name} refused: {code}") == 1


@pytest.mark.parametrize("window", [0, 257, True, "1", None])
async def test_hello_is_checked_too(hive: Hive, names: Names, window: object) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.say(**{**HELLO, "window": window})
        error = await agent.hear()
        assert error["code"] == "bad_field"
        assert "hello: 'window'" in error["message"]
        await agent.hello()


async def test_a_frame_that_is_too_long_closes_the_socket(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        await agent.say(type="call", id="1", tool="send", args={"to": "operator", "body": "x" * 2**20})
        error = await agent.hear()
        assert error["code"] == "too_long"
        with pytest.raises(ConnectionClosed):
            await agent.hear()
        assert socket.close_code == 1009


async def test_connecting_again_ends_the_earlier_session(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as first, hive.socket(name) as second:
        await Agentlike(first).hello()
        await Agentlike(second).hello()
        assert (await Agentlike(first).hear())["code"] == "replaced"
        await first.wait_closed()
        assert first.close_code == 4409
        assert (await Agentlike(second).call("list_containers"))["ok"]
        assert hive.agent(name, "connected") == 1


async def test_a_new_token_ends_the_session_of_the_old_one(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        hive.execute("UPDATE agents_agent SET token_hash = ? WHERE name = ?", "0" * 64, name)
        hive.publish("agents", hive.agent(name, "id"))
        assert (await agent.hear())["code"] == "revoked"
        await socket.wait_closed()
        assert socket.close_code == 4403
    until(lambda: hive.agent(name, "connected") == 0)


async def test_a_report_is_shown_and_a_login_is_told(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        said = {"model": "m-1", "problem": "not logged in", "session": "s-1", "context": 10, "context_limit": 200}
        await agent.say(type="report", needs_login=True, limited_until=1795000000, paused=True, **said)
        until(lambda: hive.agent(name, "needs_login") == 1)
        columns = ("active_model", "problem", "session", "context_tokens", "context_limit")
        assert [hive.agent(name, column) for column in columns] == list(said.values())
        assert hive.agent(name, "limited_until").startswith("2026-11-18")
        assert hive.agent(name, "paused") == 0
        await agent.say(type="report", needs_login=False, problem=None)
        until(lambda: hive.agent(name, "needs_login") == 0)
    told = hive.rows("SELECT kind FROM broker_message WHERE provenance = 'system' AND body LIKE ?", f"{name} %")
    assert [kind for (kind,) in told] == ["needs_login", "logged_in"]
