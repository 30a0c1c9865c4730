"""Frames go out in order, no faster than the client reads."""

from __future__ import annotations

import asyncio
from typing import Any

from broker.consumers import ChannelsWire


class Client:
    """Stands for the server's side of a connection: `full` makes its buffer fill up with the next frame."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.full = False
        self.got: list[Any] = []
        self.arrived = asyncio.Event()

    async def send(self, message: dict[str, object]) -> None:
        self.got.append(message.get("text") or message.get("code"))
        self.arrived.set()
        if self.full:
            self.writable.clear()


async def test_pushes_go_on_when_the_client_reads_again() -> None:
    client, relieved = Client(), asyncio.Event()
    wire = ChannelsWire(client.send, client.writable)
    sending = asyncio.create_task(wire.run(relieved.set))
    client.full = True
    wire.send({"n": 1})
    await client.arrived.wait()
    assert wire.congested
    assert not relieved.is_set()
    client.writable.set()
    await asyncio.wait_for(relieved.wait(), 5)
    assert not wire.congested
    sending.cancel()


async def test_what_is_queued_waits_and_keeps_its_order() -> None:
    client = Client()
    wire = ChannelsWire(client.send, client.writable)
    client.writable.clear()
    for number in range(3):
        wire.send({"n": number})
    wire.close(4409)
    sending = asyncio.create_task(wire.run(lambda: None))
    await asyncio.sleep(0)
    assert client.got == []
    client.writable.set()
    while len(client.got) < 4:
        client.arrived.clear()
        await asyncio.wait_for(client.arrived.wait(), 5)
    assert client.got == ['{"n": 0}', '{"n": 1}', '{"n": 2}', 4409]
    sending.cancel()
