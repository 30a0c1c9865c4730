from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.broker.hive import Hive
from tests.harness.agent import Agent
from tests.terminal import desk


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    hive = Hive()
    hive.start()
    hive.add("alice", "bob")
    yield hive
    hive.close()


@pytest.fixture(scope="module")
def cookie(hive: Hive) -> str:
    return desk.session(hive, "operator")


@pytest.fixture
async def alice(hive: Hive, tmp_path: Path) -> AsyncIterator[Agent]:
    """A harness that is connected."""
    agent = Agent(tmp_path)
    shutil.rmtree(agent.run_dir)
    agent.run_dir = hive.paths.agent_runtime("alice")
    agent.write(hive.tokens["alice"])
    await agent.start()
    await agent.until(lambda: any("connected" in line for line in agent.lines))
    yield agent
    await agent.stop()
