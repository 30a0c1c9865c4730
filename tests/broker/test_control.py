"""The operator's orders, from any process, through the real web process to a connected agent and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.broker.hive import Agentlike, Hive, until

Names = Callable[..., list[str]]
GIVE = """
import sys, json, django
django.setup()
from agents import actors
from broker import control
verb, agent, wait, args = sys.argv[1:]
try:
    answer = control.send(agent, verb, actor=actors.operator("ada"), wait=float(wait), **json.loads(args))
    print(json.dumps([answer.ok, answer.state, answer.text]))
except control.OrderRefused as refusal:
    print(json.dumps([None, "refused", str(refusal)]))
"""


async def order(hive: Hive, agent: str, verb: str, wait: float = 30, **args: Any) -> list[Any]:
    """Given by a process that has nothing to do with the web process: (ok, state, text)."""
    return await asyncio.to_thread(hive.script, GIVE, verb, agent, str(wait), args)


def rows(hive: Hive, agent: str) -> list[tuple[Any, ...]]:
    return hive.rows(
        "SELECT verb, state FROM broker_order WHERE agent_id = ? ORDER BY id", hive.agent(agent, "id")
    )  # fmt: skip


async def test_an_order_of_another_process_is_answered_by_the_harness(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        giving = asyncio.ensure_future(order(hive, name, "compact"))
        frame = await agent.hear()
        assert (frame["type"], frame["verb"], frame["args"]) == ("control", "compact", {})
        await agent.say(type="control_result", id=frame["id"], ok=True, text="compacted to 900 tokens")
        assert await giving == [True, "done", "compacted to 900 tokens"]
    assert rows(hive, name) == [("compact", "done")]


async def test_what_cannot_be_done_is_told(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        giving = asyncio.ensure_future(order(hive, name, "interrupt"))
        frame = await agent.hear()
        await agent.say(type="control_result", id=frame["id"], ok=False, text="no turn runs")
        assert await giving == [False, "failed", "no turn runs"]


async def test_an_agent_that_is_not_connected_cannot_be_interrupted(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    ok, state, text = await order(hive, name, "interrupt")
    assert (ok, state) == (None, "refused")
    assert "not connected" in text


async def test_an_order_that_does_not_exist_is_refused(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    assert "interrupt" in (await order(hive, name, "explode"))[2]
    assert "'model'" in (await order(hive, name, "set_model", model=3))[2]
    assert "no agent" in (await order(hive, "nobody", "ping"))[2]


async def test_an_unanswered_order_is_sent_again_on_the_next_connection(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        giving = asyncio.ensure_future(order(hive, name, "new_session"))
        first = await agent.hear()
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        assert await agent.hear() == first
        await agent.say(type="control_result", id=first["id"], ok=True, text="done")
        assert (await giving)[:2] == [True, "done"]


async def test_a_paused_agent_gets_no_messages_until_it_is_resumed(hive: Hive, names: Names) -> None:
    name, other = names(2)
    assert (await order(hive, name, "pause"))[1] == "done"
    async with hive.socket(name) as socket, hive.socket(other) as sender:
        agent, bob = Agentlike(socket), Agentlike(sender)
        assert (await agent.hello())["paused"] is True
        await bob.hello()
        await bob.send(name, "hello")
        giving = asyncio.ensure_future(order(hive, name, "resume"))
        frame = await agent.hear()
        assert (frame["type"], frame["verb"]) == ("control", "resume")
        await agent.say(type="control_result", id=frame["id"], ok=True, text="resumed")
        assert (await agent.message())["body"] == "hello"
        await giving
    assert hive.agent(name, "paused") == 0


async def test_no_agent_answers_for_another_or_gives_orders(hive: Hive, names: Names) -> None:
    name, other = names(2)
    async with hive.socket(name) as socket, hive.socket(other) as strange:
        agent, evil = Agentlike(socket), Agentlike(strange)
        await agent.hello()
        await evil.hello()
        giving = asyncio.ensure_future(order(hive, name, "ping"))
        frame = await agent.hear()
        await evil.say(type="control_result", id=frame["id"], ok=True, text="forged")
        assert (await evil.hear())["code"] == "bad_field"
        await evil.say(type="control", id=1, verb="interrupt", args={}, agent=name)
        assert (await evil.hear())["code"] == "unknown_type"
        await agent.say(type="control_result", id=frame["id"], ok=True, text="pong")
        assert (await giving)[2] == "pong"


async def test_a_chosen_model_is_kept_for_the_next_start(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    assert (await order(hive, name, "set_model", model="opus"))[1] == "done"
    assert hive.agent(name, "chosen_model") == "opus"
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        giving = asyncio.ensure_future(order(hive, name, "set_model", model="no-such"))
        frame = await agent.hear()
        await agent.say(type="control_result", id=frame["id"], ok=False, text="there is no such model")
        assert (await giving)[1] == "failed"
    assert hive.agent(name, "chosen_model") == "opus"


async def test_an_order_expires(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        giving = asyncio.ensure_future(order(hive, name, "interrupt"))
        frame = await agent.hear()
        hive.execute("UPDATE broker_order SET expires_at = '2020-01-01' WHERE id = ?", frame["id"])
        assert (await giving)[1] == "expired"
    until(lambda: hive.agent(name, "connected") == 0)
    assert rows(hive, name) == [("interrupt", "expired")]
