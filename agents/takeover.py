"""What a web server may offer a websocket's consumer: the connection itself, under `EXTENSION` in the scope.

A consumer that has checked who connects accepts into the offer instead of sending `websocket.accept`. From then on
messages go between the connection and the consumer's `Reader` without queues or coroutines between them, and the
consumer's `receive` yields `websocket.disconnect` only, when the connection is over; when the consumer returns, the
connection is closed. Where nothing is offered (TLS ended in the server, another server), use `receive` and `send`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

EXTENSION = "hyperhive.takeover"
HIGH_WATER = 64 * 1024
MAX_MESSAGE = 1024 * 1024


class Reader(Protocol):
    """The consumer's side; every call comes on the event loop."""

    def received(self, message: str | bytes) -> None:
        """A whole message: text as `str`, binary as `bytes`."""

    def relieved(self) -> None:
        """What was sent has gone out, after the connection was `congested`."""

    def failed(self, code: int, reason: str) -> None:
        """The client broke the protocol (RFC 6455, section 7.4.1): a last message may be sent, then it is closed."""

    def ended(self, code: int) -> None:
        """The connection is over, once and for all; the code is the client's, or 1006 without one."""


class Detached(Protocol):
    """A connection whose socket somebody else reads and writes now."""

    @property
    def leftover(self) -> bytes:
        """What the client had sent already, as raw bytes of the websocket."""

    def fileno(self) -> int:
        """The socket, to be duplicated into another process. It stays open here until `end`."""

    def end(self) -> None:
        """Whoever had the socket is done with it, or dead: close it for everyone. Safe to call again."""


class Connection(Protocol):
    """An accepted websocket. It is not read before the first `resume`."""

    @property
    def congested(self) -> bool:
        """More waits to be sent than the high-water mark; `Reader.relieved` follows."""

    def send(self, message: str | bytes) -> None:
        """Send a message; all that is sent in one turn of the loop leaves in one write. Never waits."""

    def send_many(self, messages: Iterable[str | bytes]) -> None: ...

    def pause(self) -> None:
        """Read and deliver no more, from the next message on."""

    def resume(self) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what waits, then a close frame; nothing is delivered any more."""

    def abort(self) -> None:
        """End at once; what waits to be sent is lost."""

    async def detach(self) -> Detached:
        """Send what waits, then give the socket away: not read, not written, no timers here. `ended` still comes.

        Raises `ConnectionError` when the connection ends first, or is in the middle of a fragmented message.
        """


class Offer(Protocol):
    """Of a server for one connection; good for one `accept`."""

    def accept(
        self,
        reader: Reader,
        *,
        subprotocol: str | None = None,
        max_message: int = MAX_MESSAGE,
        high_water: int = HIGH_WATER,
    ) -> Connection:
        """Answer the handshake. Raises `ConnectionError` when the client has gone."""


def offered(scope: Mapping[str, Any]) -> Offer | None:
    """The offer of the server that made this scope, if it makes one."""
    return cast("Offer | None", (scope.get("extensions") or {}).get(EXTENSION))
