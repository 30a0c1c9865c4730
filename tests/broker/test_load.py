"""Many agents at once, and very many messages for one that does not run: nobody else pays for it."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import AsyncExitStack

from tests.broker.hive import Agentlike, Hive, until
from tests.broker.test_sides import memory

AGENTS, BACKLOG, AT_ONCE = 200, 10_000, 60


async def test_two_hundred_agents_are_connected_at_once_and_all_hear(own_hive: Hive) -> None:
    names = [f"n{number}" for number in range(AGENTS)]
    own_hive.add(*names)
    await asyncio.to_thread(own_hive.start)
    async with AsyncExitStack() as stack:
        agents = []
        for name in names:
            agents.append(Agentlike(await stack.enter_async_context(own_hive.socket(name))))
        await asyncio.gather(*(agent.hello() for agent in agents))
        assert own_hive.rows("SELECT count(*) FROM agents_agent WHERE connected") == [(AGENTS,)]
        sent = json.loads((await agents[0].call("send", to="*", body="everybody"))["output"])
        assert len(sent["to"]) == AGENTS - 1
        heard = await asyncio.gather(*(agent.message() for agent in agents[1:]))
        assert {message["body"] for message in heard} == {"everybody"}
        await asyncio.gather(*(agent.turn("t", message) for agent, message in zip(agents[1:], heard, strict=True)))
        done = "SELECT count(*) FROM broker_delivery WHERE state = 'acknowledged'"
        await asyncio.to_thread(until, lambda: own_hive.rows(done) == [(AGENTS - 1,)], 60)
    await asyncio.to_thread(
        until, lambda: own_hive.rows("SELECT count(*) FROM agents_agent WHERE connected") == [(0,)], 60
    )


async def test_ten_thousand_messages_for_a_stopped_agent_are_cheap(own_hive: Hive) -> None:
    own_hive.add("alice", "bob", "stopped")
    await asyncio.to_thread(own_hive.start)
    async with own_hive.socket("alice") as a, own_hive.socket("bob") as b:
        sender, other = Agentlike(a), Agentlike(b)
        await sender.hello()
        await other.hello()
        await fill(sender, range(500))
        before = memory(own_hive)
        await fill(sender, range(500, BACKLOG))
        assert memory(own_hive) - before < 40_000, "kB: what waits is in the database only"
        ident = await sender.send("bob", "you are not held up")
        assert (await other.message())["id"] == ident
        depth = json.loads((await other.call("get_agent_meta", name="stopped"))["output"])["inbox_depth"]
        assert depth == BACKLOG
    async with own_hive.socket("stopped") as s:
        late = Agentlike(s)
        await late.hello(window=2)
        first, second = await late.message(), await late.message()
        assert (first["body"], second["body"]) == ("0", "1")
        await late.turn("t", first, second)
        assert (await late.message())["body"] == "2"
    steps = own_hive.rows(
        "EXPLAIN QUERY PLAN SELECT id FROM broker_delivery WHERE recipient = 'stopped' AND state = 'queued'"
        " AND (expires_at IS NULL OR expires_at > '2020') ORDER BY urgent DESC, id LIMIT 2"
    )
    assert "delivery_waiting" in str(steps)
    assert "TEMP B-TREE" not in str(steps)


async def fill(sender: Agentlike, numbers: range) -> None:
    """Send these numbers to the stopped agent, some dozens under way at a time."""
    waiting, left = 0, iter(numbers)
    for _ in numbers:
        for number in itertools.islice(left, AT_ONCE - waiting):
            args = {"to": "stopped", "body": str(number)}
            await sender.say(type="call", id=f"f{number}", tool="send", args=args)
            waiting += 1
        result = await sender.hear()
        assert result["ok"], result
        waiting -= 1
