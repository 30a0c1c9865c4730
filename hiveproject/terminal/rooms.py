"""The open terminals of this web process: each pairs a shell in a container with the browser that looks at it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from hiveproject.terminal.recording import Recording
from hiveproject.terminal.sequences import Sieve

MOST_PER_AGENT = 8
KEPT_SECONDS = 60.0
_SCROLLBACK = 256 * 1024


class TooMany(Exception):
    """The agent has as many open terminals as it may have."""


class End(Protocol):
    """One side's connection. What is sent waits until that side reads."""

    async def output(self, data: bytes) -> None: ...

    async def tell(self, **words: object) -> None: ...

    async def hang_up(self) -> None: ...


@dataclass(eq=False)
class Room:
    """One shell, kept while nobody looks for `KEPT_SECONDS`."""

    agent: str
    user: str
    record: int
    recording: Recording | None
    over: Callable[[Room], Awaitable[None]]
    id: str = field(default_factory=lambda: uuid4().hex)
    shell: End | None = None
    viewer: End | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    _sieve: Sieve = field(default_factory=Sieve)
    _scrollback: deque[bytes] = field(default_factory=deque)
    _held: int = 0
    _leaving: asyncio.TimerHandle | None = None
    why: str = ""

    async def entered(self, viewer: End) -> None:
        """A browser looks, instead of the one before it. It gets what was shown last."""
        earlier, self.viewer = self.viewer, viewer
        self._stay()
        if earlier is not None:
            await earlier.tell(ended="This terminal was opened in another window.")
            await earlier.hang_up()
        for piece in list(self._scrollback):
            await viewer.output(piece)

    def left(self, viewer: End) -> None:
        """The browser is gone; the shell stays a while in case it comes back."""
        if self.viewer is viewer and not self.is_over:
            self.viewer = None
            self._stay()
            self._leaving = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._abandon)

    async def shown(self, data: bytes) -> None:
        """Output of the shell."""
        text = self._sieve.feed(data)
        if not text:
            return
        if self.recording is not None:
            self.recording.shown(text)
        piece = text.encode()
        self._keep(piece)
        if self.viewer is not None:
            await self.viewer.output(piece)

    async def typed(self, data: bytes) -> None:
        if self.shell is not None:
            await self.shell.output(data)

    async def resized(self, columns: int, rows: int) -> None:
        if self.recording is not None:
            self.recording.resized(columns, rows)
        if self.shell is not None:
            await self.shell.tell(resize=[columns, rows])

    async def end(self, why: str) -> None:
        """Close both sides; safe to call again."""
        if self.is_over:
            return
        self.why = why
        self._stay()
        self.answered.set()
        if self.recording is not None:
            self.recording.close()
        if self.viewer is not None:
            await self.viewer.tell(ended=why)
            await self.viewer.hang_up()
        if self.shell is not None:
            await self.shell.hang_up()
        await self.over(self)

    @property
    def is_over(self) -> bool:
        return bool(self.why)

    def _keep(self, piece: bytes) -> None:
        self._scrollback.append(piece)
        self._held += len(piece)
        while self._held > _SCROLLBACK and len(self._scrollback) > 1:
            self._held -= len(self._scrollback.popleft())

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def _abandon(self) -> None:
        self._ending = asyncio.ensure_future(self.end("Nobody came back to this terminal."))


_rooms: dict[str, Room] = {}


def add(room: Room) -> None:
    """Raises `TooMany`."""
    if sum(other.agent == room.agent for other in _rooms.values()) >= MOST_PER_AGENT:
        raise TooMany(f"{room.agent} has {MOST_PER_AGENT} open terminals: close one first")
    _rooms[room.id] = room


def remove(room: Room) -> None:
    _rooms.pop(room.id, None)


def find(room_id: str, agent: str) -> Room | None:
    """The open terminal of that agent; None for another agent's as for none."""
    room = _rooms.get(room_id)
    return room if room is not None and room.agent == agent else None


def every() -> list[Room]:
    return list(_rooms.values())
