"""kill -9 of the web process in the middle of conversations; judged by what the clients themselves have logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from tests.broker.hive import Agentlike, Hive, until

ROUNDS, PRODUCERS, PER_ROUND = 2, 3, 16


@dataclass
class Log:
    """What the clients know for sure.

    `stored` are sends that the hive has answered, `done` messages whose end of turn it has answered, `bad` breaches.
    """

    stored: dict[int, str] = field(default_factory=dict)
    seen: dict[str, list[int]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)
    grew: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def delivered(self) -> set[int]:
        return {ident for idents in self.seen.values() for ident in idents}

    async def until(self, condition: Callable[[], bool], *work: asyncio.Task[None]) -> None:
        """Wait for the log to grow, or for work to fail."""
        while not condition():
            self.grew.clear()
            grew = asyncio.create_task(self.grew.wait())
            done, _ = await asyncio.wait({grew, *work}, return_when=asyncio.FIRST_COMPLETED)
            grew.cancel()
            assert done == {grew}, [task.exception() for task in done if task is not grew]


async def produce(hive: Hive, name: str, log: Log, start: int) -> None:
    """Send until the hive dies; what was not answered is sent again under its key in the next round."""
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        for number in range(start, start + PER_ROUND):
            ident = await agent.send("bob", f"{name} {number}", idempotency_key=str(number))
            log.stored[ident] = f"{name} {number}"
            log.grew.set()


async def consume(hive: Hive, log: Log) -> None:
    async with hive.socket("bob") as socket:
        agent = Agentlike(socket)
        await agent.hello(window=4)
        while True:
            message = await agent.message()
            ident, sender = message["id"], message["sender"]
            if ident in log.done:
                log.bad.append(f"{ident} came again after its acknowledgement")
            log.seen.setdefault(sender, []).append(ident)
            await agent.turn(f"turn-{ident}", message)
            result = await agent.call("set_status", text=str(ident))
            assert result["ok"]
            log.done.add(ident)  # the answer comes from a later commit than the end of the turn
            log.grew.set()


async def a_round(hive: Hive, log: Log, number: int) -> None:
    """Everybody talks; in the middle of it the web process is killed."""
    consumer = asyncio.create_task(consume(hive, log))
    work = [asyncio.create_task(produce(hive, f"p{n}", log, number * PER_ROUND)) for n in range(PRODUCERS)]
    enough = len(log.stored) + PRODUCERS * PER_ROUND // 3
    await log.until(lambda: len(log.stored) >= enough, consumer, *work)
    hive.kill()
    ends = await asyncio.gather(consumer, *work, return_exceptions=True)
    assert all(isinstance(end, (ConnectionClosed, OSError)) for end in ends), ends
    await asyncio.to_thread(hive.start)


async def settle(hive: Hive, log: Log) -> None:
    """Producers finish what was cut off, the consumer takes all that is left."""
    for number in range(ROUNDS):
        await asyncio.gather(*(produce(hive, f"p{n}", log, number * PER_ROUND) for n in range(PRODUCERS)))
    consumer = asyncio.create_task(consume(hive, log))
    # An end of turn that was written but not answered before a kill is in `seen` only.
    await log.until(lambda: log.delivered >= set(log.stored), consumer)
    await asyncio.to_thread(until, lambda: set(hive.states("bob")) == {"acknowledged"})
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)


async def test_nothing_acknowledged_is_lost_or_comes_twice(own_hive: Hive) -> None:
    own_hive.add("bob", *(f"p{n}" for n in range(PRODUCERS)))
    own_hive.start()
    log = Log()
    for number in range(ROUNDS):
        await a_round(own_hive, log, number)
    await settle(own_hive, log)
    assert log.bad == []
    assert log.delivered == set(log.stored), "every answered send was delivered"
    assert len(log.stored) == ROUNDS * PRODUCERS * PER_ROUND, "the same key never makes a second message"
    for sender, idents in log.seen.items():
        first = list(dict.fromkeys(idents))
        assert first == sorted(first), f"the order of {sender} is kept"


async def test_what_was_leased_when_the_hive_died_is_marked_redelivered(own_hive: Hive) -> None:
    own_hive.add("alice", "bob")
    own_hive.start()
    async with own_hive.socket("alice") as a, own_hive.socket("bob") as b:
        alice, bob = Agentlike(a), Agentlike(b)
        await alice.hello()
        await bob.hello(window=2)
        begun, waiting = await alice.send("bob", "begun"), await alice.send("bob", "waiting")
        await bob.message()
        await bob.message()
        await bob.say(type="turn_started", turn="t", messages=[begun])
        taken = json.loads((await alice.call("list_containers"))["output"])
        assert [row["connected"] for row in taken] == [True, True]
        own_hive.kill()
    assert own_hive.agent("bob", "connected") == 1, "nobody was left to say otherwise"
    await asyncio.to_thread(own_hive.start)
    assert own_hive.agent("bob", "connected") == 0
    assert own_hive.agent("bob", "busy_since") is None
    assert own_hive.states("bob") == ["queued", "queued"], "nobody has them now"
    async with own_hive.socket("bob") as b:
        bob = Agentlike(b)
        await bob.hello(window=2)
        again = [await bob.message(), await bob.message()]
    assert [(message["id"], message["redelivered"]) for message in again] == [(begun, True), (waiting, True)]
