"""The health gate's ping: from a row of the database to the harness and back, in no turn."""

from __future__ import annotations

from collections.abc import Callable

from tests.broker.hive import Agentlike, Hive, until

Names = Callable[..., list[str]]


def ask(hive: Hive, name: str, ident: str) -> None:
    """As the worker does."""
    hive.execute("UPDATE agents_agent SET ping_asked = ? WHERE name = ?", ident, name)
    hive.publish("pings", name)


async def test_a_ping_reaches_the_harness_and_its_answer_the_row(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        ask(hive, name, "first")
        assert await agent.hear() == {"type": "ping", "id": "first"}
        assert hive.agent(name, "ping_answered") == ""
        await agent.say(type="pong", id="first")
        until(lambda: hive.agent(name, "ping_answered") == "first")


async def test_an_answer_to_another_ping_counts_for_nothing(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        ask(hive, name, "second")
        await agent.hear()
        await agent.say(type="pong", id="first")
        await agent.say(type="pong", id="")
        assert (await agent.hear())["code"] == "bad_field"
        assert hive.agent(name, "ping_answered") == ""
        await agent.say(type="pong", id="second")
        until(lambda: hive.agent(name, "ping_answered") == "second")


async def test_who_connects_later_is_asked_after_the_welcome(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    ask(hive, name, "waiting")
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        assert await agent.hear() == {"type": "ping", "id": "waiting"}
        await agent.say(type="pong", id="waiting")
        until(lambda: hive.agent(name, "ping_answered") == "waiting")
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        sent = await agent.send("operator", "nobody asks any more")
        assert sent, "the next frame was the result, not a ping"


async def test_an_agent_that_is_busy_with_a_turn_answers_too(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        await agent.say(type="turn_started", turn="t", messages=[])
        ask(hive, name, "busy")
        assert await agent.hear() == {"type": "ping", "id": "busy"}
