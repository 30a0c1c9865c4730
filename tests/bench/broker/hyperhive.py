"""This broker: the real web process, agents that sign in with their tokens over their own sockets."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from agents import command
from agents.paths import Paths
from tests.bench.broker.client import Client
from tests.bench.broker.load import Send
from tests.bench.broker.processes import REPOSITORY, Server, free_port

SINK, WINDOW = "sink", 256
PRODUCERS = 100


class Hyperhive:
    def __init__(self, name: str, durability: str, **environment: str) -> None:
        self.name = name
        self._extra = {"HYPERHIVE_DURABILITY": durability, **environment}

    def start(self) -> None:
        self._server, self._port = Server(), free_port()
        self.paths = Paths(self._server.folder / "s", self._server.folder / "r")
        self.paths.state.mkdir()
        self.paths.runtime.mkdir()
        self._python("-m", "django", "migrate", "--verbosity=0")
        names = [SINK, *(f"p{number}" for number in range(PRODUCERS))]
        self._python("-m", "tests.bench.broker.populate", *names)
        self._server.start([sys.executable, "-m", "django", "web"], self.environment)
        self._server.until(lambda: all(self.paths.agent_socket(name).exists() for name in names))

    def stop(self) -> None:
        self._server.stop()

    @property
    def pid(self) -> int:
        return int(self._server.process.pid)

    @property
    def environment(self) -> dict[str, str]:
        return command.clean_environment(
            DJANGO_SETTINGS_MODULE="hiveproject.settings",
            HYPERHIVE_STATE_ROOT=str(self.paths.state),
            HYPERHIVE_RUNTIME_ROOT=str(self.paths.runtime),
            HYPERHIVE_PORT=str(self._port),
            PYTHONPATH=str(REPOSITORY),
            **self._extra,
        )

    @asynccontextmanager
    async def connected(self, producers: int, arrived: Callable[[str], None]) -> AsyncIterator[list[Send]]:
        turns = count()

        def take(sink: Client, messages: list[dict[str, Any]]) -> None:
            for message in messages:
                arrived(message["body"])
            sink.turn(str(next(turns)), [message["id"] for message in messages])

        sink = await self._client(SINK, WINDOW, take)
        clients = [await self._client(f"p{number}", 1) for number in range(producers)]
        yield [lambda body, client=client: client.send(SINK, body) for client in clients]  # type: ignore[misc]
        for client in (*clients, sink):
            client.close()

    async def _client(self, name: str, window: int, take: Any = None) -> Client:
        return await Client.connect(str(self.paths.agent_socket(name)), f"token-of-{name}", window, take)

    def _python(self, *argv: str) -> None:
        command.run([sys.executable, *argv], env=self.environment, timeout=120)
