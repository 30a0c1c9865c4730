"""The storm once more on PostgreSQL, which is killed as well: web, worker and database, in fewer rounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.storm import Storm
from tests.postgres.hive import PostgresqlHive
from tests.postgres.server import Server

ROUNDS, AGENTS = 6, 6


@pytest.fixture
def storm(own_server: Server) -> Iterator[Storm]:
    hive = PostgresqlHive.fresh(own_server)
    storm = Storm(hive, AGENTS, seed=4)
    yield storm
    storm.close()


@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost_doubled_or_reordered(storm: Storm, own_server: Server) -> None:
    def crash() -> None:
        own_server.kill()
        own_server.start()

    await storm.rage(ROUNDS, crash, crash)
    assert storm.breaches() == []
    assert len([event for log in storm.logs for event in log.of("stored")]) > ROUNDS * AGENTS
    assert [event for client in storm.clients for event in client.log.of("got") if event.redelivered]
