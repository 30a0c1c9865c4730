"""`python -m tests.bench.relay.forwarder LISTEN TARGET`: a bare asyncio TCP forwarder with backpressure: the limit
of what a relay in Python can be without splice, websocket, or anything to decide.
"""

from __future__ import annotations

import asyncio
import sys


class Half(asyncio.Protocol):
    """What comes in here goes out at `other`."""

    def __init__(self, other: Half | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is None:
            asyncio.ensure_future(self._join())  # noqa: RUF006

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: Half(self), "127.0.0.1", int(sys.argv[2]))
        if self.waiting and self.other.transport is not None:
            self.other.transport.write(self.waiting)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self.waiting += data
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Half, "127.0.0.1", int(sys.argv[1]), backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
