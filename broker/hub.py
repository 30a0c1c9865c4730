"""The connected agents of this web process, the one writer behind them, and who is woken by what.

Lives on the event loop. Nothing here polls: a commit of this process pushes what it leased, and what other processes
commit arrives by the change feed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from django.db import OperationalError

from agents.models import Agent
from broker import control, delivery, eventlog, frames, sql, standing, waking
from broker.seats import Slot
from broker.storing import Outgoing, Sent
from broker.threads import in_thread
from broker.transactions import Look, Work
from broker.writer import Part, Writer, Written

if TYPE_CHECKING:
    from broker.sessions import Session

logger = logging.getLogger(__name__)
T = TypeVar("T")
LIFECYCLES = (Agent.Lifecycle.LIVE, Agent.Lifecycle.REQUESTED)
_CHECK_SECONDS = 0.2
_AGAIN_SECONDS = 1.0


class Hub:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[str, Session] = {}
        self._receivers: dict[str, set[asyncio.Event]] = {}
        self._woken: set[str] = set()
        self._checking: asyncio.Task[None] | None = None
        self._stopping = False
        self._pinging: set[asyncio.Task[None]] = set()
        self._writer = Writer(self._loop, self._slot_of, self._tell)

    def start(self) -> None:
        self._writer.start()
        waking.listen(self.wake)

    async def stop(self, seconds: float = 1.0) -> None:
        """Close every session, write what is waiting."""
        waking.forget(self.wake)
        self._stopping = True
        if self._checking is not None:
            self._checking.cancel()
        for session in list(self._sessions.values()):
            session.end(frames.CLOSE_GOING)
        await self._writer.stop(seconds)

    def session(self, name: str) -> Session | None:
        return self._sessions.get(name)

    def submit(self, work: Work, done: Callable[[object], None], *look: str) -> None:
        """Have `work` done in the next transaction; `done` gets its result or exception after the commit."""
        self._writer.submit(Part(work, done, look))

    async def do(self, work: Callable[[], T], *look: str) -> T:
        """The same for whoever waits. The work is done even when the waiting is cancelled."""
        return cast(T, await asyncio.shield(self.future(work, *look)))

    def future(self, work: Outgoing | Callable[[], object], *look: str) -> asyncio.Future[object]:
        future: asyncio.Future[object] = self._loop.create_future()
        self.submit(work, partial(_resolve, future), *look)
        return future

    async def send(self, outgoing: Outgoing) -> Sent:
        """Store a message; it is durable when this returns. Raises `SendRefused`, `DatabaseError`."""
        return cast(Sent, await asyncio.shield(self.future(outgoing)))

    def register(self, session: Session) -> None:
        """Make `session` the agent's own. An earlier one is dropped, and what it had is leased anew."""
        earlier = self._sessions.get(session.name)
        self._sessions[session.name] = session
        if earlier is not None:
            earlier.drop("replaced", "the same agent has connected again", frames.CLOSE_REPLACED)
        self.submit(partial(_attach, session), session.attached, session.name)

    def unregister(self, session: Session) -> None:
        """The session is over; what it had goes back to the queue."""
        if self._sessions.get(session.name) is session:
            del self._sessions[session.name]
        self._leave(session.name, session.id, counted=not self._stopping)

    def _leave(self, name: str, session: str, *, counted: bool) -> None:
        work = partial(_detach, name, session, name not in self._sessions, counted)
        self.submit(work, partial(self._left, name, session, counted))

    def _left(self, name: str, session: str, counted: bool, result: object) -> None:
        """Nobody else ever tells that a session is over: said again once the database is back."""
        if isinstance(result, OperationalError):
            self._loop.call_later(_AGAIN_SECONDS, partial(self._leave, name, session, counted=counted))

    def wake(self, names: Iterable[str]) -> None:
        """Something may wait for these recipients. Call it from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: the next process looks at its start
            self._loop.call_soon_threadsafe(self._wake, tuple(names))

    @contextlib.contextmanager
    def receiving(self, name: str) -> Iterator[asyncio.Event]:
        """While a `recv` waits, what arrives is for it and not pushed; the event tells of an arrival."""
        event = asyncio.Event()
        self._receivers.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            self._receivers[name].discard(event)
            if not self._receivers[name]:
                del self._receivers[name]
                self._wake((name,))

    def changed(self, changes: Sequence[tuple[int, str, str]]) -> None:
        """Subscriber of the change feed."""
        self._wake({name for _, topic, name in changes if topic == "deliveries"})
        if pinged := {name for _, topic, name in changes if topic == "pings" and name in self._sessions}:
            self._pinging.add(task := self._loop.create_task(self._ping(pinged)))
            task.add_done_callback(self._pinging.discard)
        for name in {name for _, topic, name in changes if topic == control.TOPIC}:
            if (session := self._sessions.get(name)) is not None:
                session.look_for_orders()
        if any(topic == "agents" for _, topic, _ in changes) and (self._checking is None or self._checking.done()):
            self._checking = self._loop.create_task(self._drop_revoked())

    async def _ping(self, names: Collection[str]) -> None:
        for name, ident in (await in_thread(standing.asked, names)).items():
            if name in self._sessions:
                self._sessions[name].ping(ident)

    async def _drop_revoked(self) -> None:
        """A token changes when the container is started again, and ends with the agent.

        Agents change at every turn, so one look is for all that changes in a while.
        """
        valid = None
        while valid is None:
            await asyncio.sleep(_CHECK_SECONDS)
            with contextlib.suppress(OperationalError):  # the database is away: looked at when it is back
                valid = await in_thread(_valid_tokens)
        for session in list(self._sessions.values()):
            if (session.name, session.token_hash) not in valid:
                session.drop("revoked", "the token is no longer valid", frames.CLOSE_REVOKED)

    def _wake(self, names: Iterable[str]) -> None:
        for name in names:
            if (name in self._sessions or name in self._receivers) and name not in self._woken:
                self._woken.add(name)
                # Forgotten inside the transaction: what is committed after that wakes again.
                self.submit(Look(partial(self._woken.discard, name)), partial(self._looked, name), name)

    def _looked(self, name: str, result: object) -> None:
        """The feed tells of a change once: looked for again when the database is back."""
        if isinstance(result, OperationalError):
            self._woken.discard(name)
            self._loop.call_later(_AGAIN_SECONDS, self._wake, (name,))

    def _slot_of(self, name: str) -> Slot | None:
        """Asked while a transaction is written, in whichever thread does it."""
        session = self._sessions.get(name)
        if session is None or not session.takes_pushes or name in self._receivers:
            return None
        return Slot(name, session.id, session.window)

    def _tell(self, batch: Sequence[Part], written: Written) -> None:
        for part, result in zip(batch, written.results, strict=True):
            try:
                part.done(result)
            except Exception:  # the others of the batch wait too
                logger.exception("a caller failed on its result")
        for push in written.pushes:
            session = self._sessions.get(push.slot.recipient)
            if session is not None and session.id == push.slot.session:
                session.push(push.messages)
                if push.more:
                    self._wake((push.slot.recipient,))
        for name in written.queued:
            for event in self._receivers.get(name, ()):
                event.set()


def may_connect(agent: Agent) -> bool:
    """Agents that have, or are just getting, a container."""
    return agent.lifecycle in LIFECYCLES


def _valid_tokens() -> set[tuple[str, str]]:
    """Past the ORM: while agents are busy it is asked several times a second."""
    found = sql.rows(f"SELECT name, token_hash FROM {Agent._meta.db_table} WHERE lifecycle IN (%s, %s)", *LIFECYCLES)  # noqa: S608
    return {(name, digest) for name, digest in found}


def _attach(session: Session) -> None:
    delivery.release_others(session.name, session.id)
    standing.connected(session.name)
    session.asked = standing.asked([session.name]).get(session.name, "")
    session.paused = Agent.objects.get(pk=session.agent_id).paused
    session.events = eventlog.position(session.agent_id)
    session.is_attached = True


def _detach(name: str, session: str, gone: bool, counted: bool) -> None:
    delivery.release(name, session, counted=counted)
    if gone:
        standing.disconnected(name)


def _resolve(future: asyncio.Future[object], result: object) -> None:
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


def _ignore(_result: object) -> None:
    """For work whose outcome nobody waits for; failures are in the log."""


_current: list[Hub] = []


def install(hub: Hub | None) -> None:
    """Make `hub` the one of this process, or none."""
    _current[:] = [hub] if hub else []


def current() -> Hub:
    return _current[0]
