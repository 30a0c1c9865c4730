"""Which messages wait, which one is in work, which are finished: what keeps a reconnect from running a turn twice.

The hive takes a message back when the socket closes and sends it again on the next one. A message that is still in
work is claimed again there; one that is finished is reported again; only a new one waits for a turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from agents.harness.frames import Frame, Message, MessageId, Turn

REMEMBERED = 256


class Ledger:
    """Holds no socket: its methods return the frames that have to be sent."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.current: Turn | None = None
        self._held = False
        self._finished: OrderedDict[MessageId, tuple[Turn, Frame]] = OrderedDict()
        self._arrived = asyncio.Event()
        self.settled = asyncio.Event()
        self.settled.set()

    def offer(self, message: Message) -> list[Frame]:
        """Take a pushed message in."""
        if self.current and self.current.message.id == message.id:
            self._held = True
            return [self.current.started()]
        if message.id in self._finished:
            turn, ended = self._finished[message.id]
            return [turn.started(), ended]
        if all(message.id != other.id for other in self.waiting):
            self.waiting.append(message)
            self._arrived.set()
        return []

    def wake(self, ident: str, body: str) -> None:
        """A message of the harness's own, which only lives in memory."""
        self.waiting.append(Message(ident, "bash", "system", body, local=True))
        self._arrived.set()

    def disconnected(self) -> None:
        """The hive has taken back everything it had leased to the closed socket."""
        self.waiting = deque(message for message in self.waiting if message.local)
        self._held = False

    async def take(self) -> Message:
        """The next message, waiting for one; cancelling loses nothing."""
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self.waiting.popleft()

    def untake(self, message: Message) -> None:
        """It waits again, before all others."""
        self.waiting.appendleft(message)

    def begin(self, turn: Turn) -> Frame:
        self.current, self._held = turn, True
        return turn.started()

    def end(self, outcome: str, error: str = "") -> list[Frame]:
        """The current turn is over. Nothing to send when the hive has its message: it is reported on redelivery."""
        if self.current is None:
            return []
        turn, self.current = self.current, None
        ended = turn.ended(outcome, error)
        if turn.message.local and outcome == "requeue":
            self.waiting.appendleft(turn.message)
            self._arrived.set()
        elif outcome != "requeue" and not turn.message.local:
            self._remember(turn, ended)
        return [ended] if self._held else []

    def _remember(self, turn: Turn, ended: Frame) -> None:
        self._finished[turn.message.id] = (turn, ended)
        self.settled.clear()
        while len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)

    def reported(self, frame: Frame) -> None:
        """A frame was handed to an open socket."""
        if frame["type"] == "turn_ended":
            self.settled.set()
