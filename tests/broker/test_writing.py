"""Where transactions are written, and when the write-ahead log is written back."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import Settings

from agents.models import Agent, Deployment
from broker import checkpoints, sql
from broker.checkpoints import Keeper
from broker.models import Delivery, Message
from broker.senders import Sender
from broker.storing import Outgoing, Sent
from broker.transactions import Part, Written
from broker.turns import Ended
from broker.writer import INLINE_PARTS, Writer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.writer.INLINE_SECONDS", 3600.0)  # however slow this machine is
    if connection.vendor != "sqlite":
        pytest.fail("these are SQLite's; PostgreSQL's are in tests/postgres")
    for name in ("alice", "bob"):
        agent = Agent.objects.create(name=name, lifecycle="live")
        agent.deployment = Deployment.objects.create(agent=agent, approval_id=1, commit="c", tree="t", options={})
        agent.save()


class Recorder:
    """A writer on the test's loop; `threads` are those that wrote, `batches` what was told, in order."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.threads: list[int] = []
        self.batches: list[list[object]] = []
        self.writer = Writer(self.loop, self._slot_of, self._tell)

    def _slot_of(self, _name: str) -> None:
        self.threads.append(threading.get_ident())

    def _tell(self, batch: Any, done: Written) -> None:
        self.batches.append([part.work for part in batch])
        for part, result in zip(batch, done.results, strict=True):
            part.done(result)

    def do(self, work: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.loop.create_future()
        self.writer.submit(Part(work, future.set_result))
        return future

    async def __aenter__(self) -> Recorder:
        self.writer.start()
        await self.do(int)  # by now the thread has shared its connection
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.writer.stop(30)


def out(body: str) -> Outgoing:
    return Outgoing(Sender.agent("alice"), "bob", body)


async def test_a_small_batch_is_written_on_the_loop_in_one_transaction() -> None:
    async with Recorder() as recorder:
        results = await asyncio.gather(*(recorder.do(out(str(number))) for number in range(3)))
        assert set(recorder.threads) == {threading.get_ident()}
        assert [len(batch) for batch in recorder.batches] == [1, 3]
    assert [type(result) for result in results] == [Sent] * 3
    assert await asyncio.to_thread(_bodies) == ["0", "1", "2"]


async def test_a_large_batch_is_left_to_the_thread() -> None:
    async with Recorder() as recorder:
        await asyncio.gather(*(recorder.do(out(str(number))) for number in range(INLINE_PARTS + 1)))
        assert threading.get_ident() not in recorder.threads
    assert len(await asyncio.to_thread(_bodies)) == INLINE_PARTS + 1


async def test_while_somebody_else_writes_the_loop_goes_on_and_order_is_kept() -> None:
    async with Recorder() as recorder:
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = recorder.do(out("first"))
            await asyncio.sleep(0.05)
            second = recorder.do(out("second"))
            await asyncio.sleep(0.05)
            assert not first.done()
            assert not second.done(), "it must not overtake what is with the thread"
            other.execute("COMMIT")
        await asyncio.gather(first, second)
        assert threading.get_ident() not in recorder.threads[:1]
    assert await asyncio.to_thread(_bodies) == ["first", "second"]


async def test_a_part_that_fails_inline_fails_alone() -> None:
    ghost = Ended("bob", "s", "t", "ok", "", idle=True)
    async with Recorder() as recorder:
        good, bad, other = recorder.do(out("good")), recorder.do(Outgoing(Sender.agent("alice"), "x", "y")), None
        other = recorder.do(ghost)
        assert isinstance(await good, Sent)
        assert "there is no agent" in str(await bad)
        assert await other is None
    assert await asyncio.to_thread(_bodies) == ["good"]


async def test_what_breaks_inside_a_transaction_on_the_loop_leaves_nothing_half_done() -> None:
    """It is rolled back and done again by the thread, where a savepoint keeps the others."""
    async with Recorder() as recorder:
        await asyncio.to_thread(
            _execute,
            "CREATE TRIGGER no_poison BEFORE INSERT ON broker_delivery WHEN (SELECT body FROM broker_message"
            " WHERE id = NEW.message_id) = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
        )
        try:
            good, bad = recorder.do(out("good")), recorder.do(out("poison"))
            assert isinstance(await good, Sent)
            assert "poisoned" in str(await bad)
        finally:
            await asyncio.to_thread(_execute, "DROP TRIGGER no_poison")
    assert await asyncio.to_thread(_bodies) == ["good"]
    assert await asyncio.to_thread(Delivery.objects.count) == 1


async def test_an_end_of_turn_rides_with_the_next_message() -> None:
    async with Recorder() as recorder:
        recorder.writer._desk.empty.add("bob")
        ended = Ended("bob", "s", "t", "ok", "", idle=True)
        riding = recorder.do(ended)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not riding.done(), "nobody waits for it"
        message = out("x")
        await recorder.do(message)
        assert recorder.batches[-1] == [ended, message]
        alone = recorder.do(ended)
        await asyncio.wait_for(alone, 30)
        assert recorder.batches[-1] == [ended]


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1)])
async def test_only_messages_are_written_with_less_than_full_durability(
    settings: Settings, durability: str, level: int
) -> None:
    """`PRAGMA synchronous` is 2 for FULL, 1 for NORMAL; approvals and the audit log use other connections."""
    settings.HIVE_DURABILITY = durability
    async with Recorder() as recorder:
        assert await recorder.do(_synchronous) == level
    assert await asyncio.to_thread(_synchronous) == 2


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Keeper, sqlite3.Connection]]:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("CREATE TABLE t (x)")
        keeper = Keeper(path)
        keeper.open()
        yield keeper, writer
        keeper.close()


def test_the_log_is_written_back_when_it_is_worth_it(log: tuple[Keeper, sqlite3.Connection]) -> None:
    keeper, writer = log
    assert not keeper.is_due
    writer.execute("INSERT INTO t VALUES (zeroblob(?))", [4096 * (checkpoints.IDLE_PAGES + 10)])
    assert keeper.is_due
    assert not keeper.is_over
    keeper.write_back()
    assert not keeper.is_due
    writer.execute("INSERT INTO t VALUES (zeroblob(?))", [4096 * (checkpoints.MOST_PAGES + 10)])
    assert keeper.is_over


def test_a_reader_that_holds_the_log_back_is_not_waited_for(log: tuple[Keeper, sqlite3.Connection]) -> None:
    keeper, writer = log
    with closing(sqlite3.connect(keeper._database or "", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        writer.execute("INSERT INTO t VALUES (zeroblob(?))", [4096 * (checkpoints.IDLE_PAGES + 10)])
        assert keeper.is_due
        keeper.write_back()
        assert not keeper.is_due, "not again and again while nothing has changed"


def test_without_a_log_there_is_nothing_to_do() -> None:
    keeper = Keeper(None)
    keeper.open()
    assert (keeper.is_due, keeper.is_over) == (False, False)


def _bodies() -> list[str]:
    try:
        return list(Message.objects.order_by("id").values_list("body", flat=True))
    finally:
        connections.close_all()


def _synchronous() -> int:
    return int((sql.row("PRAGMA synchronous") or (0,))[0])


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connections.close_all()
