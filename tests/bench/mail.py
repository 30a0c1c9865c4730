"""Messages over the agents' real websocket: stored, acknowledged to the sender, pushed to a connected recipient."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import count

import websockets

from tests.system.hive import Hive

BODY = "x" * 200
SENDS = 200


def measure(hive: Hive) -> dict[str, tuple[str, list[float]]]:
    """Milliseconds from send to acknowledged and from send to delivered, one producer."""
    for name in ("mailer", "reader"):
        hive.ctl("spawn", name, "--yes", "--wait")
        hive.ctl("stop", name, "--wait")
    acknowledged, delivered = asyncio.run(_measure(hive))
    return {
        "message sent → acknowledged, ms": ("≤ 0.6 (broker issue)", acknowledged),
        "message sent → delivered, ms": ("p95 ≤ 5 (mcp_agent_mail: 176)", delivered),
    }


async def _measure(hive: Hive) -> tuple[list[float], list[float]]:
    """Two clients of our own take the places of the two agents' harnesses, which are stopped."""
    acknowledged: list[float] = []
    delivered: list[float] = []
    async with _connected(hive, "mailer") as mailer, _connected(hive, "reader") as reader:
        for number in count():
            if number == SENDS:
                return acknowledged, delivered
            begun = time.perf_counter()
            call = {"type": "call", "id": str(number), "tool": "send", "args": {"to": "reader", "body": BODY}}
            await mailer.send(json.dumps(call))
            received = asyncio.ensure_future(_next(reader, "message"))
            await _next(mailer, "result")
            acknowledged.append((time.perf_counter() - begun) * 1000)
            message = await received
            delivered.append((time.perf_counter() - begun) * 1000)
            turn = str(number)
            await reader.send(json.dumps({"type": "turn_started", "turn": turn, "messages": [message["id"]]}))
            await reader.send(json.dumps({"type": "turn_ended", "turn": turn, "outcome": "ok"}))
    raise AssertionError


def _connected(hive: Hive, name: str) -> _Client:
    return _Client(hive, name)


class _Client:
    def __init__(self, hive: Hive, name: str) -> None:
        self.folder = hive.root / "r" / name

    async def __aenter__(self) -> websockets.ClientConnection:
        token = (self.folder / "token").read_text()
        self.socket = await websockets.unix_connect(
            str(self.folder / "hive.sock"),
            "ws://hive/ws/agent",
            additional_headers={"Authorization": f"Bearer {token}"},
        )
        hello = {"type": "hello", "version": 1, "harness": "bench", "driver": "bench", "window": 1}
        await self.socket.send(json.dumps(hello))
        await _next(self.socket, "welcome")
        return self.socket

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()


async def _next(socket: websockets.ClientConnection, kind: str) -> dict[str, object]:
    while True:
        frame: dict[str, object] = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if frame["type"] == kind:
            return frame
