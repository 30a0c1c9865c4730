"""The relays that are compared, each with its processes."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from agents import command
from agents.naming import vnc_port
from tests.bench.relay.client import Client, upgrade
from tests.broker.hive import REPOSITORY, Hive, free_port, until
from tests.screen.operator import Operator

AGENT = "bench"
PORT = vnc_port(AGENT)


class Relay(Protocol):
    @property
    def pid(self) -> int:
        """The process that everything of it descends from."""

    def open(self) -> Client: ...


class Hyperhive:
    """The real web process, with login, ticket and view-only in the path."""

    def __init__(self, hive: Hive) -> None:
        self._hive, self._operator = hive, Operator(hive)
        hive.add(AGENT)

    @property
    def pid(self) -> int:
        return self._hive.pid

    def open(self) -> Client:
        self._operator.viewer = ""
        path = f"/agents/{AGENT}/screen/ws?ticket={self._operator.ticket(AGENT)}"
        headers = {"Origin": self._operator.origin, "Cookie": self._operator.cookie}
        return Client(self._hive.port, upgrade(path, self._hive.port, **headers))


class Other:
    """A relay of one command."""

    def __init__(self, words: list[str], port: int, *, framed: bool) -> None:
        self._port, self._framed = port, framed
        self.process = started(words)
        until(lambda: listens(port), 30, words[0])

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def open(self) -> Client:
        return Client(self._port, upgrade("/websockify", self._port) if self._framed else "")


@contextmanager
def relays() -> Iterator[dict[str, Relay]]:
    """All of them, in front of one server."""
    server = started([sys.executable, "-m", "tests.bench.relay.server", str(PORT)])
    hive, others = Hive(), []
    try:
        until(lambda: listens(PORT), 30, "the server")
        hive.start()
        framed, bare = free_port(), free_port()
        websockify = [str(Path(sys.prefix, "bin", "websockify")), f"127.0.0.1:{framed}", f"127.0.0.1:{PORT}"]
        others.append(Other(websockify, framed, framed=True))
        forwarder = [sys.executable, "-m", "tests.bench.relay.forwarder", str(bare), str(PORT)]
        others.append(Other(forwarder, bare, framed=False))
        yield {"hyperhive": Hyperhive(hive), "websockify": others[0], "asyncio-forwarder": others[1]}
    finally:
        hive.close()
        for each in (server, *(other.process for other in others)):
            each.send_signal(signal.SIGTERM)
            each.wait(20)


def started(words: list[str]) -> Any:
    with open("/dev/null", "wb") as null:
        env = command.clean_environment(PYTHONPATH=str(REPOSITORY))
        return command.start(words, env=env, cwd=REPOSITORY, stdout=null, stderr=null)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
