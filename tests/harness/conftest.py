"""One hive on a Unix socket and one harness process beside it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.broker import hive as broker
from tests.harness.agent import Agent
from tests.harness.claude import configure
from tests.harness.hive import Hive, serve
from tests.harness.lonely import Lonely, namespace
from tests.stubs.messages_api import MessagesApi

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


@pytest.fixture
async def lonely() -> AsyncIterator[Lonely]:
    async with namespace() as one:
        yield one


@pytest.fixture
async def api(lonely: Lonely) -> AsyncIterator[MessagesApi]:
    async with MessagesApi().serving(listener=lonely.listener) as stub:
        yield stub


@pytest.fixture(params=["persistent", "per turn"])
def claude(agent: Agent, api: MessagesApi, lonely: Lonely, request: pytest.FixtureRequest) -> Agent:
    """An agent with the real CLI, configured, not started; in both forms. It sees no network but loopback."""
    agent.enter = lonely.enter
    return configure(agent, api, persistent=request.param == "persistent")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hive's database without rows, to be copied."""
    hive = broker.Hive()
    copy = tmp_path_factory.mktemp("template") / "hive.sqlite"
    shutil.copy(hive.paths.database, copy)
    hive.close()
    return copy
