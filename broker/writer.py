"""Group commit: what arrives while one transaction is written goes into the next one together.

One thread writes. Each caller hears of its own part only after the commit that holds it; a part that cannot be
stored fails alone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction

from broker import delivery
from broker.delivery import Leased
from broker.policy import Directory
from broker.refusals import Refused
from broker.storing import Outgoing, Sent, store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """One message to send, or one piece of work to do in the transaction.

    `done` gets the result or the exception, on the event loop. `look` names recipients whose queue is looked at
    before the commit: what waits there and has room goes out with it.
    """

    work: Outgoing | Callable[[], object]
    done: Callable[[object], None]
    look: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Written:
    """What one transaction did, in the order of its parts."""

    results: list[object]
    pushes: list[Push]
    queued: frozenset[str]


SlotOf = Callable[[str], Slot | None]
Tell = Callable[[Sequence[Part], Written], None]


class Writer:
    """`slot_of(name)` is asked in the writer's thread, `tell` is called on the loop after each commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop, slot_of: SlotOf, tell: Tell) -> None:
        self._loop, self._slot_of, self._tell = loop, slot_of, tell
        self._gathered: list[Part] = []
        self._waiting: list[Part] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._directory: tuple[int, Directory] | None = None
        self._thread = threading.Thread(target=self._run, name="broker-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, part: Part) -> None:
        """Call it on the loop. All that arrives in one turn of the loop is handed over together."""
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(part)

    async def stop(self, seconds: float) -> None:
        """Write what is waiting and end."""
        self._hand_over()
        with self._wake:
            self._stopping = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join, seconds)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        with self._wake:
            self._waiting.extend(gathered)
            self._wake.notify()

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA synchronous={settings.HIVE_DURABILITY.upper()}")
            while (batch := self._next()) is not None:
                self._loop.call_soon_threadsafe(self._tell, batch, self._written(batch))
        finally:
            connections.close_all()

    def _written(self, batch: Sequence[Part]) -> Written:
        try:
            return write(batch, self._agents, self._slot_of)
        except Exception as error:  # the thread must outlive any defect: everybody waits for it
            logger.exception("a transaction of %d parts failed", len(batch))
            return Written([error] * len(batch), [], frozenset())

    def _next(self) -> list[Part] | None:
        """What has gathered; None at the end."""
        with self._wake:
            while not self._waiting and not self._stopping:
                self._wake.wait()
            batch, self._waiting = self._waiting, []
        return batch or None

    def _agents(self) -> Directory:
        """The agents as this transaction sees them: read again only when another connection has written.

        What this connection writes of agents is not policy (`data_version` does not change by it).
        """
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            version = cursor.fetchone()[0]
        if self._directory is None or self._directory[0] != version:
            self._directory = version, Directory.load()
        return self._directory[1]


def write(batch: Sequence[Part], agents: Callable[[], Directory], slot_of: SlotOf) -> Written:
    """Do every part in one transaction. A part's failure is its result; a failed commit is everyone's."""
    try:
        with transaction.atomic():
            results = _sent(batch, agents)
            results.update((index, _worked(part.work)) for index, part in enumerate(batch) if index not in results)
            ordered = [results[index] for index in range(len(batch))]
            queued = frozenset(_touched(batch, ordered))
            pushes = [push for name in sorted(queued) if (push := _leased(slot_of(name))) is not None]
        return Written(ordered, pushes, queued)
    except DatabaseError as error:
        logger.error("nothing of %d parts could be stored: %s", len(batch), error)
        return Written([error] * len(batch), [], frozenset())


def _sent(batch: Sequence[Part], agents: Callable[[], Directory]) -> dict[int, object]:
    outgoing = {index: part.work for index, part in enumerate(batch) if isinstance(part.work, Outgoing)}
    if not outgoing:
        return {}
    directory = agents()
    try:
        with transaction.atomic():
            return dict(zip(outgoing, store(list(outgoing.values()), directory), strict=True))
    except DatabaseError:
        return {index: _worked(partial(_store_one, one, directory)) for index, one in outgoing.items()}


def _store_one(outgoing: Outgoing, directory: Directory) -> object:
    return store([outgoing], directory)[0]


def _worked(work: Callable[[], object]) -> object:
    try:
        with transaction.atomic():
            return work()
    except (Refused, DatabaseError) as refusal:
        return refusal
    except Exception as error:  # a defect in one part must not take the others' transaction along
        logger.exception("a part of a transaction failed")
        return error


def _touched(batch: Sequence[Part], results: Iterable[object]) -> Iterable[str]:
    """Recipients who may have something waiting now."""
    for part, result in zip(batch, results, strict=True):
        yield from part.look
        if isinstance(result, Sent) and not result.repeated:
            yield from result.to


def _leased(slot: Slot | None) -> Push | None:
    if slot is None:
        return None
    free = delivery.room(slot.recipient, slot.session, slot.window)
    messages = delivery.lease(slot.recipient, slot.session, free)
    size = sum(len(message.body) for message in messages)
    return Push(slot, messages, more=size > delivery.BATCH_BYTES) if messages else None
