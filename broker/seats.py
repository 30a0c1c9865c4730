"""Which sessions take new messages at once: those with room, whose queue is known to be empty.

A message that goes straight to its session is written once, instead of being queued, found and leased. That no
other connection has queued anything meanwhile is known by SQLite's `data_version`; on PostgreSQL it is not, and every
message goes through the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from broker import delivery
from broker.leases import Leased


@dataclass(frozen=True)
class Slot:
    """A session that takes pushes now."""

    recipient: str
    session: str
    window: int


@dataclass(frozen=True)
class Push:
    """Messages that the transaction has leased to a session. `more` may wait."""

    slot: Slot
    messages: list[Leased]
    more: bool


SlotOf = Callable[[str], Slot | None]


class Empty:
    """Recipients with nothing in their queue, as of a version of the database; one writer's own knowledge."""

    def __init__(self) -> None:
        self._version: object = None
        self._names: set[str] = set()

    def as_of(self, version: object) -> None:
        """Forget it all when somebody else has written since."""
        if version != self._version:
            self._version = version
            self._names.clear()

    def add(self, recipient: str) -> None:
        if self._version is not None:
            self._names.add(recipient)

    def forget(self, recipient: str | None = None) -> None:
        if recipient is None:
            self._names.clear()
        else:
            self._names.discard(recipient)

    def __contains__(self, recipient: str) -> bool:
        return recipient in self._names


class Seating:
    """For one transaction: who sits where."""

    def __init__(self, slot_of: SlotOf, empty: Empty) -> None:
        self._slot_of, self._empty = slot_of, empty
        self._slots: dict[str, Slot | None] = {}
        self._free: dict[str, int] = {}
        self._pushed: dict[str, list[Leased]] = {}

    def take(self, recipient: str) -> str | None:
        """See `storing.Seats`."""
        if recipient in self._empty and (slot := self._slot(recipient)) is not None and self._room(slot) > 0:
            self._free[recipient] -= 1
            return slot.session
        self._empty.forget(recipient)
        return None

    def taken(self, recipient: str, leased: Leased) -> None:
        self._pushed.setdefault(recipient, []).append(leased)

    def fill(self, recipients: Iterable[str]) -> list[Push]:
        """Lease what waits for these, as far as there is room; returns that and what was seated before."""
        more = {name for name in recipients if self._lease(name)}
        slots = ((self._slots[name], messages) for name, messages in sorted(self._pushed.items()))
        return [Push(slot, messages, slot.recipient in more) for slot, messages in slots if slot is not None]

    def _lease(self, recipient: str) -> bool:
        """True when more may wait than was read at once."""
        if recipient in self._empty or (slot := self._slot(recipient)) is None:
            return False
        room = self._room(slot)
        messages = delivery.lease(recipient, slot.session, room)
        is_cut = sum(len(message.body) for message in messages) > delivery.BATCH_BYTES
        if messages:
            self._free[recipient] -= len(messages)
            self._pushed.setdefault(recipient, []).extend(messages)
        if len(messages) < room and not is_cut:
            self._empty.add(recipient)
        return is_cut

    def _slot(self, recipient: str) -> Slot | None:
        if recipient not in self._slots:
            self._slots[recipient] = self._slot_of(recipient)
        return self._slots[recipient]

    def _room(self, slot: Slot) -> int:
        if slot.recipient not in self._free:
            self._free[slot.recipient] = delivery.room(slot.recipient, slot.session, slot.window)
        return self._free[slot.recipient]
