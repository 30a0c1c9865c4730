"""An agent without a harness: talks to the others over its real socket, whatever happens to the hive meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tests.broker.hive import Hive
from tests.crash.log import Log

CLOCK = "clock-of-"
_AGAIN_SECONDS = 0.02
_LONGEST_PAUSE = 0.02
_WINDOW = 4
Frame = dict[str, Any]


class Refused(Exception):
    """The hive could not do it; nothing has changed."""


class Client:
    """Sends to random others and takes what comes, one turn a message, until told to finish; then only takes."""

    def __init__(self, hive: Hive, name: str, others: Sequence[str], seed: int, grew: Callable[[], None]) -> None:
        """`grew` is called whenever there is something new to be seen here."""
        self.log, self.clock = Log(name), Log(f"{CLOCK}{name}")
        self._grew = grew
        self.connections = self.quiet_on = self.taken = 0
        self._hive, self._name, self._others = hive, name, others
        self._random = random.Random(seed)
        self._numbers: Counter[str] = Counter()
        self._unanswered: tuple[str, int] | None = None
        self._sending = True

    async def run(self) -> None:
        """Connect again and again; ends by being cancelled. A breach of the protocol ends it with an error."""
        while True:
            try:
                async with self._hive.socket(self._name) as socket:
                    await _Talk(self, socket).run()
            except* (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(_AGAIN_SECONDS)

    def finish(self) -> None:
        """Say nothing new."""
        self._sending = False

    @property
    def owes(self) -> bool:
        """Something was said that the hive has not answered yet."""
        return self._unanswered is not None

    def next(self) -> tuple[str, int] | None:
        """What to say now, to whom: what was cut off, else something new. None when there is nothing."""
        if self._unanswered is None and self._sending:
            to = self._random.choice(self._others)
            self._unanswered = (to, self._numbers[to])
            self._numbers[to] += 1
            self.log.add("send", *self._unanswered)
        return self._unanswered

    def answered(self, ident: int) -> None:
        assert self._unanswered is not None
        self.log.add("stored", *self._unanswered, ident)
        self._unanswered = None
        self._grew()

    def quiet(self) -> None:
        """Nothing waits for this client on the connection it has."""
        self.quiet_on = self.connections
        self._grew()

    def wants_a_reminder(self) -> bool:
        return self._sending and self._random.random() < 0.01

    def pause(self) -> float:
        return self._random.random() * _LONGEST_PAUSE

    def remind(self) -> int:
        """The number of a new reminder. One that is cut off may come or not: it is not asked for again."""
        self._numbers[self.clock.name] += 1
        number = self._numbers[self.clock.name]
        self.clock.add("send", self._name, number)
        return number

    def got(self, frame: Frame) -> tuple[str, int]:
        """Write a message down; returns who said it and its number there."""
        peer, _, number = frame["body"].rpartition(" ")
        assert frame["sender"] == (self._name if peer.startswith(CLOCK) else peer), frame
        self.log.add("got", peer, int(number), frame["id"], redelivered=frame["redelivered"])
        self.taken += 1
        self._grew()
        return peer, int(number)


class _Talk:
    """One connection."""

    def __init__(self, client: Client, socket: ClientConnection) -> None:
        self._client, self._socket = client, socket
        self._calls = 0
        self._results: dict[str, asyncio.Future[Frame]] = {}
        self._ended: list[tuple[str, int, int]] = []
        self._due = asyncio.Event()

    async def run(self) -> None:
        await self._say(type="hello", version=1, harness="test", driver="scripted", window=_WINDOW)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read())
            tasks.create_task(self._write())

    async def _read(self) -> None:
        """Ends by the connection's end, which is raised."""
        while True:
            frame = json.loads(await self._socket.recv())
            if frame["type"] == "message":
                await self._take(frame)
            elif frame["type"] == "result":
                self._results.pop(frame["id"]).set_result(frame)
            elif frame["type"] == "error":
                # It says why, and closes: connecting anew is all there is to do.
                assert frame["code"] in ("replaced", "revoked"), frame
            else:
                assert frame["type"] == "welcome", frame
                self._client.connections += 1

    async def _take(self, frame: Frame) -> None:
        peer, number = self._client.got(frame)
        turn = f"t{frame['id']}"
        await self._say(type="turn_started", turn=turn, messages=[frame["id"]])
        await self._say(type="turn_ended", turn=turn, outcome="ok")
        self._ended.append((peer, number, frame["id"]))
        self._due.set()

    async def _write(self) -> None:
        while True:
            said = self._client.next()
            if said is not None:
                await self._send(*said)
            else:
                await self._listen()
            if self._client.wants_a_reminder():
                await self._remind()
            await asyncio.sleep(self._client.pause())

    async def _listen(self) -> None:
        """Nothing waits for this client when a call is answered and nothing was pushed since it was made."""
        before = self._client.taken
        await self._call("set_status", text="listening")
        if self._client.taken == before:
            self._client.quiet()
            self._due.clear()
            await self._due.wait()

    async def _send(self, to: str, number: int) -> None:
        body = f"{self._client.log.name} {number}"
        try:
            output = await self._call("send", to=to, body=body, idempotency_key=f"{to}:{number}")
        except Refused:
            return  # said again
        self._client.answered(json.loads(output)["id"])

    async def _remind(self) -> None:
        number = self._client.remind()
        try:
            output = await self._call("remind", message=f"{self._client.clock.name} {number}", delay_seconds=1)
        except Refused:
            return
        self._client.clock.add("stored", self._client.log.name, number, json.loads(output)["reminder"])

    async def _call(self, tool: str, **args: Any) -> str:
        """The result of a tool. What was said before it is confirmed by it, since the hive works in order."""
        confirmed = len(self._ended)
        self._calls += 1
        answer = self._results[str(self._calls)] = asyncio.get_running_loop().create_future()
        await self._say(type="call", id=str(self._calls), tool=tool, args=args)
        frame = await answer
        if not frame["ok"]:
            assert "try again" in frame["error"], frame
            raise Refused(frame["error"])
        self._confirm(confirmed)
        return str(frame["output"])

    def _confirm(self, count: int) -> None:
        for peer, number, ident in self._ended[:count]:
            self._client.log.add("acknowledged", peer, number, ident)
        del self._ended[:count]

    async def _say(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))
