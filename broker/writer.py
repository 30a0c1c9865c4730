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
from django.db import DatabaseError, connections, transaction

from broker import delivery, sql
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
        self._directory: tuple[object, Directory] | None = None
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
            sql.choose_durability(settings.HIVE_DURABILITY)
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
        """The agents as this transaction sees them: read again only when somebody else may have changed them."""
        version = sql.agents_version()
        if self._directory is None or self._directory[0] != version:
            self._directory = version, Directory.load()
        return self._directory[1]


def write(batch: Sequence[Part], agents: Callable[[], Directory], slot_of: SlotOf) -> Written:
    """Do every part in one transaction. A part's failure is its result; a failed commit is everyone's.

    Savepoints cost more than most parts do, so they are only used when the first attempt met a failure.
    """
    try:
        try:
            return _attempt(batch, slot_of, partial(_together, batch, agents))
        except _PartFailed:
            return _attempt(batch, slot_of, partial(_one_by_one, batch, agents))
    except DatabaseError as error:
        logger.error("nothing of %d parts could be stored: %s", len(batch), error)
        return Written([error] * len(batch), [], frozenset())


class _PartFailed(Exception):
    """Some part of the batch raised: roll back, and do them one by one."""


def _attempt(batch: Sequence[Part], slot_of: SlotOf, do: Callable[[], list[object]]) -> Written:
    with transaction.atomic():
        results = do()
        queued = frozenset(_touched(batch, results))
        pushes = [push for name in sorted(queued) if (push := _leased(slot_of(name))) is not None]
    return Written(results, pushes, queued)


def _together(batch: Sequence[Part], agents: Callable[[], Directory]) -> list[object]:
    outgoing = [part.work for part in batch if isinstance(part.work, Outgoing)]
    try:
        stored = iter(store(outgoing, agents()) if outgoing else ())
        return [next(stored) if isinstance(part.work, Outgoing) else part.work() for part in batch]
    except Exception as error:
        raise _PartFailed from error


def _one_by_one(batch: Sequence[Part], agents: Callable[[], Directory]) -> list[object]:
    return [
        _alone(partial(_store, part.work, agents) if isinstance(part.work, Outgoing) else part.work) for part in batch
    ]


def _store(outgoing: Outgoing, agents: Callable[[], Directory]) -> object:
    return store([outgoing], agents())[0]


def _alone(work: Callable[[], object]) -> object:
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
