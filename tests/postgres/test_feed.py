"""The change feed under transactions that really run at the same time, and through restarts of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from agents import feed
from hiveproject import feeds
from hiveproject.feeds import Changes, PostgresqlFeed
from hiveproject.tail import Tail
from tests.broker.hive import until
from tests.postgres.conftest import default_on
from tests.postgres.server import Server

pytestmark = pytest.mark.django_db(transaction=True)
Other = psycopg.Connection[tuple[object, ...]]
_ADD = "INSERT INTO agents_change (topic, object_id, at) VALUES ('jobs', %s, now())"


@pytest.fixture
def others() -> Iterator[list[Other]]:
    """Two other processes' connections; what they do is committed when they say so."""
    parameters = connection.get_connection_params()
    mine = {name: parameters[name] for name in ("dbname", "host", "user")}
    made: list[Other] = [psycopg.connect(**mine) for _ in range(2)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def place() -> Iterator[PostgresqlFeed]:
    made = PostgresqlFeed()
    yield made
    made.close()


def told(place: PostgresqlFeed) -> list[str]:
    return [change[2] for change in place.read()]


def test_a_change_that_is_committed_late_under_a_lower_id_is_not_passed_over(
    place: PostgresqlFeed, others: list[Other]
) -> None:
    early, late = others
    late.execute(_ADD, ["late"])
    early.execute(_ADD, ["early"])
    early.commit()
    assert told(place) == [], "its transaction is younger than one that still runs"
    late.commit()
    assert told(place) == ["late", "early"]
    assert told(place) == []


def test_what_waits_for_another_transaction_is_looked_at_again_without_a_poke(
    place: PostgresqlFeed, others: list[Other]
) -> None:
    early, late = others
    late.execute(_ADD, ["never"])
    early.execute(_ADD, ["early"])
    early.commit()
    until(place.stirred, 30)
    assert told(place) == []
    late.rollback()
    assert place.stirred(), "nobody pokes for a transaction that is rolled back"
    assert told(place) == ["early"]
    assert not place.stirred()


def test_a_commit_pokes_and_a_rollback_does_not(place: PostgresqlFeed, others: list[Other]) -> None:
    writer, _ = others
    writer.execute(_ADD, ["a"])
    writer.rollback()
    assert not place.stirred()
    feed.publish("jobs", "b")
    until(place.stirred, 30)
    assert told(place) == ["b"]


def test_only_what_comes_after_the_beginning_is_told(others: list[Other]) -> None:
    writer, running = others
    feed.publish("jobs", "before")
    running.execute(_ADD, ["open at the beginning"])
    place = PostgresqlFeed()
    try:
        writer.execute(_ADD, ["after"])
        writer.commit()
        running.commit()
        assert told(place) == ["open at the beginning", "after"]
    finally:
        place.close()


def test_many_changes_come_in_pieces_and_in_order(
    place: PostgresqlFeed, others: list[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresqlFeed, "_NEXT", PostgresqlFeed._NEXT.replace("LIMIT 1000", "LIMIT 3"))
    for number in range(7):
        others[number % 2].execute(_ADD, [number])
        others[number % 2].commit()
    assert [told(place) for _ in range(4)] == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]


@pytest.fixture
async def following(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Tail, list[Changes]]]:
    """A tail that is woken by pokes alone: its own looks are an hour apart."""
    monkeypatch.setattr(feeds, "_QUIET_SECONDS", 3600.0)
    seen: list[Changes] = []
    made = await asyncio.to_thread(Tail, settings.HIVE_PATHS.database)
    made.subscribe(seen.append)
    made.start()
    yield made, seen
    made.stop()
    await asyncio.to_thread(made.join, 30)


async def test_the_tail_hears_of_commits_of_others(following: tuple[Tail, list[Changes]]) -> None:
    follower, _ = following
    with follower.watch("agents", 7) as changed:
        await asyncio.to_thread(_publish, "agents", 7)
        await asyncio.wait_for(changed.wait(), 30)


def test_after_a_restart_of_the_server_everything_is_told_once(own_server: Server) -> None:
    with default_on(own_server.url(own_server.database())):
        call_command("migrate", verbosity=0)
        assert asyncio.run(_through_a_restart(own_server)) == ["1", "2", "3"]


async def _through_a_restart(server: Server) -> list[str]:
    seen: list[Changes] = []
    follower = await asyncio.to_thread(Tail, settings.HIVE_PATHS.database)
    follower.subscribe(seen.append)
    follower.start()
    try:
        for number, restart in enumerate((False, True, True), 1):
            with follower.watch("jobs", number) as changed:
                if restart:
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
                await asyncio.to_thread(_publish, "jobs", number)
                await asyncio.wait_for(changed.wait(), 60)
    finally:
        follower.stop()
        await asyncio.to_thread(follower.join, 30)
    return [change[2] for changes in seen for change in changes]


def _publish(topic: str, object_id: object) -> None:
    try:
        feed.publish(topic, object_id)
    finally:
        connection.close()
