"""kill -9 of web and worker at random, fifty times, in the middle of conversations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broker.conftest import own_hive, template
from tests.broker.hive import Hive
from tests.crash.storm import Storm

__all__ = ["own_hive", "template"]
ROUNDS, AGENTS = 50, 6


@pytest.fixture
def storm(own_hive: Hive) -> Iterator[Storm]:
    storm = Storm(own_hive, AGENTS, seed=5)
    yield storm
    storm.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_nothing_acknowledged_is_lost_doubled_or_reordered(storm: Storm) -> None:
    await storm.rage(ROUNDS)
    assert storm.breaches() == []
    stored = [event for log in storm.logs for event in log.of("stored")]
    again = [event for client in storm.clients for event in client.log.of("got") if event.redelivered]
    assert len(stored) > ROUNDS * AGENTS
    assert again, "no kill has hit anything: what was tested?"
