"""Events of a harness: stored once, in order, resumed by sequence number, whatever an agent sends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, Change, Stat
from broker import eventlog
from broker.eventlog import Position
from broker.models import LoggedEvent
from broker.refusals import FrameRefused
from tests.broker.hive import Agentlike, Hive

Names = Callable[..., list[str]]
EPOCH = "e" * 32


def event(seq: int, kind: str = "said", at: float = 1.0, **data: Any) -> dict[str, Any]:
    return {"seq": seq, "at": at, "kind": kind, "data": data}


@pytest.fixture
def alice(db: None) -> Agent:
    return Agent.objects.create(name="alice", lifecycle="live")


def stored(agent: Agent) -> list[tuple[str, int]]:
    return [(row.kind, row.seq) for row in eventlog.after(agent, 0, 1000)]


async def test_a_harness_goes_on_where_the_hive_is(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        assert (await agent.hello())["events"] == {"epoch": "", "seq": 0}
        await agent.say(type="events", epoch=EPOCH, events=[event(1), event(2, turn="t1", text="é")])
        assert await agent.hear() == {"type": "events_taken", "epoch": EPOCH, "seq": 2}
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        assert (await agent.hello())["events"] == {"epoch": EPOCH, "seq": 2}
        await agent.say(type="events", epoch=EPOCH, events=[event(2), event(3, "stats", turns=1)])
        assert (await agent.hear())["seq"] == 3
    ident = hive.agent(name, "id")
    sql = "SELECT seq, turn, data FROM broker_loggedevent WHERE agent_id = ? ORDER BY id"
    assert [(seq, turn) for seq, turn, _ in hive.rows(sql, ident)] == [(1, ""), (2, "t1"), (3, "")]
    assert hive.rows("SELECT key, value FROM agents_stat WHERE agent_id = ?", ident) == [("turns", 1.0)]
    feed = "SELECT count(*) FROM agents_change WHERE topic = 'events' AND object_id = ?"
    assert hive.rows(feed, str(ident)) == [(2,)]


async def test_a_batch_that_is_no_batch_is_refused(hive: Hive, names: Names) -> None:
    (name,) = names(1)
    async with hive.socket(name) as socket:
        agent = Agentlike(socket)
        await agent.hello()
        for wrong in ([event(0)], [{"seq": "1"}], ["x"], [event(n) for n in range(1, 300)]):
            await agent.say(type="events", epoch=EPOCH, events=wrong)
            assert (await agent.hear())["code"] == "bad_field"
    assert hive.rows("SELECT count(*) FROM broker_loggedevent WHERE agent_id = ?", hive.agent(name, "id")) == [(0,)]


def test_nothing_is_stored_twice(alice: Agent) -> None:
    assert eventlog.store(alice.pk, EPOCH, [event(1), event(2), event(2)]) == Position(EPOCH, 2)
    assert eventlog.store(alice.pk, EPOCH, [event(1), event(2)]) == Position(EPOCH, 2)
    assert eventlog.store(alice.pk, "f", [event(1)]) == Position("f", 1)
    assert eventlog.store(alice.pk, EPOCH, [event(2), event(3)]) == Position(EPOCH, 3)
    assert [seq for _, seq in stored(alice)] == [1, 2, 1, 3]
    assert Change.objects.filter(topic="events").count() == 3


def test_statistics_become_rows(alice: Agent) -> None:
    figures: dict[str, Any] = {
        "turns": 1,
        "turn_seconds": 0.5,
        "on": True,
        "name": "x",
        "bad key": 1,
        "huge": float("inf"),
    }
    eventlog.store(alice.pk, EPOCH, [event(1, "stats", **figures)])
    eventlog.store(alice.pk, EPOCH, [event(1, "stats", **figures)])
    assert set(Stat.objects.values_list("key", "value")) == {("turns", 1.0), ("turn_seconds", 0.5)}


def test_what_an_agent_writes_cannot_hurt_the_hive(alice: Agent) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    data = {"nul": "a\0b", "half": "\ud800", "nan": float("nan"), "long": "x" * 10**6, "deep": deep, "big": 10**400}
    eventlog.store(alice.pk, EPOCH, [event(1, "Weird Kind!", at=float("inf"), **data)])
    row = LoggedEvent.objects.get()
    assert (row.kind, row.data["nul"], row.data["half"], row.data["nan"]) == ("unreadable", "a\ufffdb", "?", "…")
    assert len(json.dumps(row.data)) < 60_000
    assert abs(row.at - timezone.now()) < timedelta(minutes=2)


@pytest.mark.parametrize("seq", [0, -1, True, 1.5, None, 2**60])
def test_a_number_that_is_none_is_refused(alice: Agent, seq: Any) -> None:
    with pytest.raises(FrameRefused):
        eventlog.store(alice.pk, EPOCH, [{**event(1), "seq": seq}])


def test_the_past_is_pruned_but_the_place_is_kept(alice: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    eventlog.store(alice.pk, EPOCH, [event(number) for number in range(1, 6)])
    LoggedEvent.objects.update(at=timezone.now() - timedelta(days=400))
    assert eventlog.prune() == 4
    assert eventlog.position(alice.pk) == Position(EPOCH, 5)
    eventlog.store(alice.pk, EPOCH, [event(number, at=time.time()) for number in range(6, 20)])
    monkeypatch.setattr(eventlog, "MOST_ROWS", 3)
    eventlog.prune()
    assert [seq for _, seq in stored(alice)] == [17, 18, 19]
