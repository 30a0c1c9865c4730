"""PostgreSQL goes away under a running hive: nothing acknowledged is lost, and the hive finds back by itself."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from websockets.exceptions import WebSocketException

from agents import jobs
from agents.actors import SYSTEM
from agents.jobs import Kind, Run
from agents.models import Job
from tests import builders
from tests.broker.hive import Agentlike, until
from tests.postgres.conftest import default_on
from tests.postgres.hive import PostgresqlHive
from tests.postgres.server import Server


@pytest.fixture
def hive(own_server: Server) -> Iterator[PostgresqlHive]:
    hive = PostgresqlHive.fresh(own_server)
    hive.add("alice", "bob")
    hive.start()
    yield hive
    hive.close()


def database(hive: PostgresqlHive) -> str:
    """What /healthz says of the database."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{hive.port}/healthz", timeout=30) as answer:
            return str(json.load(answer)["database"])
    except urllib.error.HTTPError as error:
        return str(json.load(error)["database"])


async def send_when_it_can(hive: PostgresqlHive, body: str) -> int:
    """Connect and send until it is acknowledged, as a harness does: the key makes it one message."""
    while True:
        try:
            async with hive.socket("alice") as socket:
                alice = Agentlike(socket)
                await alice.hello()
                result = await alice.call("send", to="bob", body=body, idempotency_key=body)
                if result["ok"]:
                    return int(json.loads(result["output"])["id"])
        except (OSError, WebSocketException, TimeoutError):
            await asyncio.sleep(0.1)


async def test_a_send_while_it_is_away_is_refused_and_stored_once_when_it_is_back(
    hive: PostgresqlHive, own_server: Server
) -> None:
    web = hive.pid
    async with hive.socket("alice") as socket:
        alice = Agentlike(socket)
        await alice.hello()
        first = await alice.send("bob", "before")
        own_server.kill()
        result = await alice.call("send", to="bob", body="during", idempotency_key="during")
        assert not result["ok"]
        assert "try again" in result["error"]
    assert await asyncio.to_thread(database, hive) == "down"
    sending = asyncio.create_task(send_when_it_can(hive, "during"))
    await asyncio.to_thread(own_server.start)
    second = await asyncio.wait_for(sending, 60)
    async with hive.socket("bob") as socket:
        bob = Agentlike(socket)
        await bob.hello(window=4)
        got = [await asyncio.wait_for(bob.message(), 30) for _ in range(2)]
    assert [(message["id"], message["body"]) for message in got] == [(first, "before"), (second, "during")]
    assert await asyncio.to_thread(database, hive) == "ok"
    assert hive.pid == web, hive.log


@pytest.mark.django_db(transaction=True)
def test_a_job_under_which_the_server_dies_is_driven_again(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(run: Run) -> None:
        if run.job.attempts == 1:
            own_server.kill()
            own_server.start()
        run.log("reached the end")

    monkeypatch.setattr(jobs, "_kinds", {"test": Kind(handler, Job.Lane.CONTAINER)})
    with default_on(own_server.url(own_server.database())):
        call_command("migrate", verbosity=0)
        poked: list[int] = []
        monkeypatch.setattr(jobs, "_enqueue", [poked.append])
        job = jobs.request("test", builders.agent(), actor=SYSTEM)
        jobs.run(job.pk)
        assert poked == [job.pk, job.pk], "once when asked for, once when cut off"
        jobs.run(job.pk)
        job.refresh_from_db()
        assert (job.status, job.attempts) == (Job.Status.DONE, 2)
        assert [line.text for line in job.lines.all()][-1] == "reached the end"


async def test_the_feed_goes_on_after_a_restart(hive: PostgresqlHive, own_server: Server) -> None:
    """Another process writes for an agent whose connection outlived the restart."""
    async with hive.socket("bob") as socket:
        bob = Agentlike(socket)
        await bob.hello()
        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)
        await asyncio.to_thread(hive.manage, "hivectl", "send", "bob", "hello again")
        message = await asyncio.wait_for(bob.message(), 60)
    assert (message["body"], message["provenance"]) == ("hello again", "operator")


async def test_who_left_while_it_was_away_is_not_connected_when_it_is_back(
    hive: PostgresqlHive, own_server: Server
) -> None:
    async with hive.socket("bob") as socket:
        await Agentlike(socket).hello()
        await asyncio.to_thread(own_server.kill)
    await asyncio.to_thread(own_server.start)
    await asyncio.to_thread(until, lambda: not hive.agent("bob", "connected"), 60)
