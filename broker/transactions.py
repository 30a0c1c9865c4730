"""One transaction of the broker: many parts, each with a result of its own, and what is pushed when it commits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import DatabaseError, transaction

from broker import sql, turns
from broker.policy import Directory
from broker.refusals import Refused
from broker.seats import Empty, Push, Seating, SlotOf
from broker.storing import Outgoing, Sent, store
from broker.turns import Begun, Ended, Turn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """No work but the look itself; `begun` is called inside the transaction, before it."""

    begun: Callable[[], None]


Work = Outgoing | Turn | Look | Callable[[], object]
_LIGHT = (Outgoing, Begun, Ended, Look)


class Part(NamedTuple):
    """One message to send, a turn's beginning or end, or any other piece of work to do in the transaction.

    `done` gets the result or the exception, on the event loop. `look` names recipients whose queue is looked at
    before the commit: what waits there and has room goes out with it.
    """

    work: Work
    done: Callable[[object], None]
    look: tuple[str, ...] = ()

    @property
    def is_light(self) -> bool:
        """Whether it needs a few plain statements only."""
        return isinstance(self.work, _LIGHT)


@dataclass(frozen=True)
class Written:
    """What one transaction did, in the order of its parts."""

    results: list[object]
    pushes: list[Push]
    queued: frozenset[str]

    @classmethod
    def failed(cls, batch: Sequence[Part], error: Exception) -> Written:
        return cls([error] * len(batch), [], frozenset())


class PartFailed(Exception):
    """Some part of the batch raised: roll back, and do them one by one."""


class Desk:
    """What a writer knows from one transaction to the next: the agents, and whose queue is empty."""

    def __init__(self, slot_of: SlotOf, load: Callable[[], Directory] = Directory.load) -> None:
        self._slot_of, self._load = slot_of, load
        self._directory: tuple[object, Directory] | None = None
        self.empty = Empty()

    def open(self) -> None:
        """At the beginning of a transaction."""
        self._version = sql.agents_version()
        if sql.is_sqlite():
            self.empty.as_of(self._version)

    def agents(self) -> Directory:
        """As this transaction sees them: read again only when somebody else may have changed them."""
        if self._directory is None or self._directory[0] != self._version:
            self._directory = self._version, self._load()
        return self._directory[1]

    def may_wait(self, part: Part) -> bool:
        """A turn's begin or end whose agent has nothing in its queue: no message and no answer waits for it."""
        work = part.work
        return isinstance(work, Begun | Ended) and work.agent in self.empty

    def seating(self) -> Seating:
        return Seating(self._slot_of, self.empty)


def write(batch: Sequence[Part], desk: Desk) -> Written:
    """Do every part in one transaction. A part's failure is its result; a failed commit is everyone's.

    Savepoints cost more than most parts do, so they are only used when the first attempt met a failure.
    """
    try:
        try:
            with transaction.atomic():
                return together(batch, desk)
        except PartFailed:
            desk.empty.forget()
            with transaction.atomic():
                return _one_by_one(batch, desk)
    except DatabaseError as error:
        desk.empty.forget()
        logger.error("nothing of %d parts could be stored: %s", len(batch), error)
        return Written.failed(batch, error)


def together(batch: Sequence[Part], desk: Desk) -> Written:
    """Inside the caller's transaction, without savepoints. Raises `PartFailed`: the caller rolls back.

    Turns and other work come first, in their order: what they give back makes room for what is sent.
    """
    desk.open()
    seating = desk.seating()
    try:
        results = _work(batch, desk)
        outgoing = [part.work for part in batch if isinstance(part.work, Outgoing)]
        stored = iter(store(outgoing, desk.agents(), seating) if outgoing else ())
        results = [next(stored) if isinstance(part.work, Outgoing) else result
                   for part, result in zip(batch, results, strict=True)]  # fmt: skip
    except Exception as error:
        raise PartFailed from error
    return _written(batch, results, seating)


def _work(batch: Sequence[Part], desk: Desk) -> list[object]:
    """The results of what is no message; turns next to each other are written together."""
    results: list[object] = []
    waiting: list[Turn] = []
    for part in batch:
        result: object = None
        if isinstance(part.work, Begun | Ended):
            waiting.append(part.work)
            if isinstance(part.work, Ended) and part.work.outcome == "requeue":
                desk.empty.forget(part.work.agent)
        elif isinstance(part.work, Look):
            part.work.begun()
        elif not isinstance(part.work, Outgoing):
            turns.write(waiting)
            waiting.clear()
            result = part.work()
            desk.empty.forget()
        results.append(result)
    turns.write(waiting)
    return results


def _one_by_one(batch: Sequence[Part], desk: Desk) -> Written:
    desk.open()
    results = [_alone(part.work, desk) for part in batch]
    desk.empty.forget()
    return _written(batch, results, desk.seating())


def _alone(work: Work, desk: Desk) -> object:
    try:
        with transaction.atomic():
            return _do(work, desk)
    except (Refused, DatabaseError) as refusal:
        return refusal
    except Exception as error:  # a defect in one part must not take the others' transaction along
        logger.exception("a part of a transaction failed")
        return error


def _do(work: Work, desk: Desk) -> object:
    if isinstance(work, Look):
        work.begun()
        return None
    if isinstance(work, Outgoing):
        return store([work], desk.agents())[0]
    if isinstance(work, Begun | Ended):
        turns.write([work])
        return None
    return work()


def _written(batch: Sequence[Part], results: list[object], seating: Seating) -> Written:
    queued = frozenset(_touched(batch, results))
    return Written(results, seating.fill(sorted(queued)), queued)


def _touched(batch: Sequence[Part], results: Iterable[object]) -> Iterable[str]:
    """Recipients who may have something waiting now."""
    for part, result in zip(batch, results, strict=True):
        yield from part.look
        if isinstance(result, Sent) and not result.repeated:
            yield from result.to
