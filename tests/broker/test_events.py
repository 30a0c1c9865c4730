"""What happens to agents is told as messages, and the feed is followed without asking the database all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import transaction

from agents import events, feed, naming
from agents.events import Event
from agents.models import Agent
from broker import sql
from broker.models import Delivery, Message
from hiveproject import tail as tails
from hiveproject.tail import Tail
from tests.broker.hive import Hive


def told() -> list[tuple[str, str, str]]:
    return list(Delivery.objects.order_by("id").values_list("recipient", "message__kind", "message__body"))


@pytest.fixture
def swarm(db: None) -> None:
    for name, lifecycle in ((naming.MANAGER, "live"), ("alice", "live"), ("old", "kept")):
        Agent.objects.create(name=name, lifecycle=lifecycle)


@pytest.mark.usefixtures("swarm")
class TestEvents:
    def test_manager_and_operator_are_told(self) -> None:
        events.emit(Event("spawned", "alice", "alice was spawned."))
        assert told() == [(who, "spawned", "alice was spawned.") for who in (naming.MANAGER, "operator")]
        assert set(Message.objects.values_list("provenance", "sender")) == {("system", "system")}

    def test_an_event_may_name_whom_it_is_for(self) -> None:
        events.emit(Event("approval_resolved", "alice", "Approval 3 is denied.", ("alice",)))
        assert told() == [("alice", "approval_resolved", "Approval 3 is denied.")]

    def test_who_has_no_container_is_left_out(self) -> None:
        events.emit(Event("destroyed", "old", "old was destroyed.", ("old", "operator")))
        assert [who for who, *_ in told()] == ["operator"]

    def test_it_is_told_exactly_when_the_change_is_made(self) -> None:
        with transaction.atomic():
            events.emit(Event("killed", "alice", "alice was stopped."))
            transaction.set_rollback(True)
        assert told() == []


@pytest.fixture
def followed(template: Path) -> Iterator[tuple[Hive, list[tails.Changes]]]:
    with closing(Hive(template)) as hive:
        yield hive, []


def broken(_changes: tails.Changes) -> None:
    raise ZeroDivisionError


async def test_the_tail_tells_what_others_commit(
    followed: tuple[Hive, list[tails.Changes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hive, seen = followed
    monkeypatch.setattr(feed, "latest", lambda: 0)
    monkeypatch.setattr(sql, "rows", lambda query, last: hive.rows(query.replace("%s", "?"), last))
    tail = Tail(hive.paths.database)
    tail.subscribe(seen.append)
    end = tail.subscribe(broken)
    tail.start()
    with tail.watch("agents", 7) as changed:
        hive.publish("agents", 8)
        hive.publish("agents", 7)
        await asyncio.wait_for(changed.wait(), 10)
    end()
    hive.publish("jobs", 1)
    with tail.watch("jobs", 1) as changed:
        tail.poke()
        await asyncio.wait_for(changed.wait(), 10)
    tail.stop()
    assert [change[1:] for changes in seen for change in changes] == [("agents", "8"), ("agents", "7"), ("jobs", "1")]
