"""A hive of the tests' own: the real web process on its own roots, agents put into its database from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, unix_connect

from agents import command, tokens
from agents.models import Agent, Change, Deployment
from agents.paths import Paths

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
Frame = dict[str, Any]


def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what or condition}"
        time.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hive:
    def __init__(self, template: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hb", dir="/tmp"))
        self.paths = Paths(self.root / "s", self.root / "r")
        self.paths.state.mkdir()
        self.paths.runtime.mkdir()
        self.port = free_port()
        self.tokens: dict[str, str] = {}
        self._live: list[str] = []
        self._web: Any = None
        self._make_database(template)

    def _make_database(self, template: Path | None) -> None:
        if template is None:
            self.manage("migrate", "--verbosity=0")
        else:
            shutil.copy(template, self.paths.database)

    @property
    def environment(self) -> dict[str, str]:
        return command.clean_environment(
            DJANGO_SETTINGS_MODULE="hiveproject.settings",
            HYPERHIVE_STATE_ROOT=str(self.paths.state),
            HYPERHIVE_RUNTIME_ROOT=str(self.paths.runtime),
            HYPERHIVE_PORT=str(self.port),
            PYTHONPATH=str(REPOSITORY),
            PYTHONUNBUFFERED="1",
            **{name: value for name, value in os.environ.items() if name == "HYPERHIVE_DURABILITY"},
        )

    @property
    def log(self) -> str:
        return (self.root / "web.log").read_text()

    @property
    def pid(self) -> int:
        return int(self._web.pid)

    def manage(self, *argv: str) -> str:
        """A management command in a process of its own."""
        done = command.run([sys.executable, "-m", "django", *argv], env=self.environment, timeout=60)
        return done.text

    def script(self, text: str, *argv: object) -> Any:
        """What a Python program of another process of this hive prints, as JSON; arguments that are no text too."""
        words = [word if isinstance(word, str) else json.dumps(word) for word in argv]
        done = command.run([sys.executable, "-c", text, *words], env=self.environment, timeout=60)
        return json.loads(done.text)

    def start(self) -> None:
        with (self.root / "web.log").open("ab") as log:
            self._web = command.start([sys.executable, *self.web_command], env=self.environment, stdout=log, stderr=log)
        until(lambda: self._answers() or self._web.poll() is not None, START_SECONDS, "the web process")
        assert self._web.poll() is None, self.log
        self._await_sockets(self._live)

    @property
    def web_command(self) -> list[str]:
        return ["-m", "django", "web"]

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End the web process; its exit status."""
        if self._web is None:
            return 0
        if self._web.poll() is None:
            os.kill(self._web.pid, number)
        code = int(self._web.wait(20))
        self._web = None
        return code

    def close(self) -> None:
        self.kill(signal.SIGTERM)
        shutil.rmtree(self.root, ignore_errors=True)

    def add(self, *names: str, allowed: list[str] | None = None, lifecycle: str = "live") -> None:
        """Put deployed agents into the database, and wait for their sockets where the web process runs."""
        for name in names:
            token = self.tokens[name] = f"token-of-{name}"
            self.paths.credentials(name).mkdir(parents=True, exist_ok=True)
            agent = self.insert(Agent(name=name, lifecycle=lifecycle, token_hash=tokens.digest(token)))
            options = {"allowedRecipients": allowed}
            made = Deployment(agent_id=agent, approval_id=1, commit="c" * 40, tree="t" * 40, options=options)
            deployment = self.insert(made)
            self.execute("UPDATE agents_agent SET deployment_id = ? WHERE id = ?", deployment, agent)
            self.publish("agents", agent)
            if lifecycle == "live":
                self._live.append(name)
        if self._web is not None and lifecycle == "live":
            self._await_sockets(names)

    def insert(self, row: models.Model) -> int:
        """Save a row in this hive's database rather than the test's. Returns its id."""
        fields = [field for field in row._meta.concrete_fields if not field.primary_key]
        values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
        columns = ", ".join(f'"{field.column}"' for field in fields)
        marks = ", ".join("?" * len(fields))
        return self.execute(f"INSERT INTO {row._meta.db_table} ({columns}) VALUES ({marks})", *values)

    def publish(self, topic: str, object_id: object) -> None:
        self.insert(Change(topic=topic, object_id=str(object_id), at=timezone.now()))

    def execute(self, sql: str, *values: object) -> int:
        with closing(sqlite3.connect(self.paths.database, timeout=20)) as database, database:
            return database.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.paths.database, timeout=20)) as database:
            return database.execute(sql, values).fetchall()

    def states(self, recipient: str) -> list[str]:
        """The states of all that was sent to somebody, oldest first."""
        sql = "SELECT state FROM broker_delivery WHERE recipient = ? ORDER BY id"
        return [state for (state,) in self.rows(sql, recipient)]

    def agent(self, name: str, column: str) -> Any:
        return self.rows(f"SELECT {column} FROM agents_agent WHERE name = ?", name)[0][0]

    def listens(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.paths.agent_socket(name))) == 0

    def socket(self, name: str, token: str | None = None, **options: Any) -> Any:
        """The raw websocket of an agent, to be entered; `token` None is its own, "" none."""
        token = self.tokens[name] if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        fixed = {"additional_headers": headers, "compression": None, "max_size": 2**22}
        options = {"uri": "ws://localhost/ws/agent", **fixed, **options}
        return unix_connect(str(self.paths.agent_socket(name)), **options)

    def _await_sockets(self, names: Iterable[str]) -> None:
        for name in names:
            until(partial(self.listens, name), 30, f"the socket of {name}")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Agentlike:
    """A client that speaks the agents' protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._calls = 0
        self.pushed: list[Frame] = []

    async def say(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def hear(self) -> Frame:
        return dict(json.loads(await self.socket.recv()))

    async def hello(self, window: int = 1) -> Frame:
        await self.say(type="hello", version=1, harness="test", driver="scripted", window=window)
        welcome = await self.hear()
        assert welcome["type"] == "welcome", welcome
        return welcome

    async def message(self) -> Frame:
        """The next pushed message."""
        if self.pushed:
            return self.pushed.pop(0)
        frame = await self.hear()
        assert frame["type"] == "message", frame
        return frame

    async def call(self, tool: str, **args: Any) -> Frame:
        """The result of a tool; messages that come meanwhile are kept for `message`."""
        self._calls += 1
        await self.say(type="call", id=str(self._calls), tool=tool, args=args)
        while (frame := await self.hear())["type"] == "message":
            self.pushed.append(frame)
        return frame

    async def send(self, to: str, body: str, **args: Any) -> int:
        result = await self.call("send", to=to, body=body, **args)
        assert result["ok"], result
        return int(json.loads(result["output"])["id"])

    async def turn(self, turn: str, *messages: Frame, outcome: str = "ok") -> None:
        await self.say(type="turn_started", turn=turn, messages=[message["id"] for message in messages])
        await self.say(type="turn_ended", turn=turn, outcome=outcome)


@contextmanager
def running(template: Path | None = None) -> Iterator[Hive]:
    hive = Hive(template)
    try:
        hive.start()
        yield hive
    finally:
        hive.close()
