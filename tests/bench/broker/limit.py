"""The limit of durability: the same frames over the same kind of socket, appended to a file and fdatasync'ed.

No rows, no recipients, no policy, no queue: what a broker could reach that did nothing but keep its promise. What
arrives while a write is under way goes into the next one together. Run as a program it is that server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from hiveproject.takeover.codec import TEXT, Control, Decoder, encoded
from tests.bench.broker.client import Client
from tests.bench.broker.load import Send
from tests.bench.broker.processes import Server


class Limit:
    name = "fdatasync-limit"

    def start(self) -> None:
        self._server = Server()
        self._path = self._server.folder / "socket"
        self._server.start([sys.executable, "-m", "tests.bench.broker.limit", str(self._server.folder)])
        self._server.until(self._path.exists)

    def stop(self) -> None:
        self._server.stop()

    @asynccontextmanager
    async def connected(self, producers: int, arrived: Callable[[str], None]) -> AsyncIterator[list[Send]]:
        turns = count()

        def take(sink: Client, messages: list[dict[str, Any]]) -> None:
            for message in messages:
                arrived(message["body"])
            sink.turn(str(next(turns)), [message["id"] for message in messages])

        sink = await Client.connect(str(self._path), "t", 256, take)
        clients = [await Client.connect(str(self._path), "t") for _ in range(producers)]
        yield [lambda body, client=client: client.send("sink", body) for client in clients]  # type: ignore[misc]
        for client in (*clients, sink):
            client.close()


class Disk:
    """Group commit to a file, inline on the loop."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._batch: list[tuple[Line, str, str]] = []
        self.sink: Line | None = None
        self._ids = count(1)

    def store(self, line: Line, call: str, body: str) -> None:
        if not self._batch:
            asyncio.get_running_loop().call_soon(self._write)
        self._batch.append((line, call, body))

    def _write(self) -> None:
        batch, self._batch = self._batch, []
        os.write(self._file, "\n".join(body for _, _, body in batch).encode())
        os.fdatasync(self._file)
        pushed = []
        for line, call, body in batch:
            line.say({"type": "result", "id": call, "ok": True, "output": "stored"})
            pushed.append(json.dumps({"type": "message", "id": next(self._ids), "body": body}))
        if self.sink is not None:
            self.sink.say_all(pushed)


class Line(asyncio.Protocol):
    """One client."""

    def __init__(self, disk: Disk) -> None:
        self._disk, self._decoder, self._head = disk, Decoder(1 << 20), b""
        self._is_open = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            self._head += data
            if b"\r\n\r\n" in self._head:
                self._is_open = True
                self._transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            return
        self._decoder.feed(data)
        while (item := self._decoder.take()) is not None:
            if not isinstance(item, Control):
                self._take(json.loads(item))

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "call":
            self._disk.store(self, frame["id"], frame["args"]["body"])
        elif frame["type"] == "hello":
            if frame["window"] > 1:
                self._disk.sink = self
            self.say({"type": "welcome"})

    def say(self, frame: dict[str, Any]) -> None:
        self.say_all([json.dumps(frame)])

    def say_all(self, frames: list[str]) -> None:
        self._transport.write(b"".join(piece for frame in frames for piece in encoded(TEXT, frame.encode())))


async def _serve(folder: str) -> None:
    disk = Disk(f"{folder}/log")
    server = await asyncio.get_running_loop().create_unix_server(lambda: Line(disk), f"{folder}/socket")
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(sys.argv[1]))
