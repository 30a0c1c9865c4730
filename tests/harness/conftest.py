"""One hive on a Unix socket and one harness process beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.harness.agent import Agent
from tests.harness.hive import Hive, serve

Start = Callable[..., Awaitable[Agent]]


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    await agent.stop()


@pytest.fixture
async def hive(agent: Agent) -> AsyncIterator[Hive]:
    hive = Hive()
    async with serve(hive, agent.run_dir / "hive.sock"):
        agent.write(hive.token)
        yield hive


@pytest.fixture
async def alice(agent: Agent, hive: Hive) -> Agent:
    """A scripted agent that has connected."""
    await agent.start()
    await hive.connected()
    return agent
