"""The delivery machine against a model of it: send, lease, begin, end, hand back, disconnect, crash, expire, retry
and discard, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from unittest import mock

import pytest
from django.test import TestCase
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agents.models import Agent, Deployment
from broker import deadletters, delivery
from broker.leases import Leased
from broker.models import Delivery, Message
from broker.refusals import NotLeased
from broker.sending import Sender, send

WINDOW, TRIES = 3, 2


class Machine(RuleBasedStateMachine):
    """`queue`, `leased` and `done` are what ought to be; ids are messages'."""

    def __init__(self) -> None:
        super().__init__()
        bob, _ = Agent.objects.get_or_create(name="bob", defaults={"lifecycle": "live"})
        bob.deployment = Deployment.objects.create(agent=bob, approval_id=1, commit="c", tree="t")
        bob.save()
        Message.objects.all().delete()
        self.urgent: set[int] = set()
        self.mortal: set[int] = set()
        self.tries: dict[int, int] = {}
        self.dead: set[int] = set()
        self.discarded: set[int] = set()
        self.session: str | None = None
        self.sessions = 0
        self.queue: list[int] = []
        self.leased: dict[int, str] = {}
        self.pushed: set[int] = set()
        self.done: set[int] = set()
        self.delivered_before: set[int] = set()
        self.turns: list[str] = []
        self.started = 0

    @rule(urgent=st.booleans(), mortal=st.booleans())
    def send(self, urgent: bool, mortal: bool) -> None:
        ttl = 3600 if mortal and not urgent else None
        ident = send(Sender.agent("bob"), "bob", "x", urgent=urgent, ttl_seconds=ttl).id
        self.queue.append(ident)
        self.tries[ident] = 0
        self.urgent |= {ident} if urgent else set()
        self.mortal |= {ident} if ttl else set()

    @rule()
    def connect(self) -> None:
        self.sessions += 1
        self.session = f"s{self.sessions}"
        delivery.release_others("bob", self.session)
        self._all_back(counted=True)

    @precondition(lambda self: self.session)
    @rule()
    def push(self) -> None:
        room = delivery.room("bob", self._session, WINDOW)
        assert room == WINDOW - len(self.pushed)
        got = delivery.lease("bob", self._session, room)
        self._took(got, room, "")
        self.pushed |= {message.id for message in got}

    @precondition(lambda self: self.session)
    @rule()
    def begin(self) -> None:
        free = [ident for ident, turn in self.leased.items() if not turn and ident in self.pushed]
        self.started += 1
        turn = f"t{self.started}"
        delivery.begin_turn("bob", self._session, turn, free)
        self.turns.append(turn)
        self.leased |= dict.fromkeys(free, turn)
        self._count(free, 1)

    @precondition(lambda self: self.turns)
    @rule(most=st.integers(1, 4))
    def receive(self, most: int) -> None:
        turn = self.turns[-1]
        self._took(delivery.lease("bob", self._session, most, turn=turn, pushed=False), most, turn)

    @precondition(lambda self: self.turns)
    @rule(most=st.integers(1, 4))
    def receive_and_vanish(self, most: int) -> None:
        got = delivery.lease("bob", self._session, most, turn=self.turns[-1], pushed=False)
        assert delivery.hand_back("bob", self._session, [message.id for message in got]) == len(got)

    @precondition(lambda self: self.turns)
    @rule(acknowledge=st.booleans())
    def end(self, acknowledge: bool) -> None:
        turn = self.turns.pop()
        mine = {ident for ident, holder in self.leased.items() if holder == turn}
        end = delivery.acknowledge_turn if acknowledge else delivery.requeue_turn
        assert end("bob", self._session, turn) == len(mine)
        for ident in mine:
            del self.leased[ident]
        self.pushed -= mine
        if acknowledge:
            self.done |= mine
        else:
            self._count(mine, -1)
            self._back(mine)

    @precondition(lambda self: self.session)
    @rule()
    def steal(self) -> None:
        for ident in [*self.queue, *self.done, *self.dead]:
            with pytest.raises(NotLeased):
                delivery.begin_turn("bob", self._session, "theft", [ident])

    @precondition(lambda self: self.session)
    @rule()
    def disconnect(self) -> None:
        assert delivery.release("bob", self._session) == len(self.leased)
        self.session = None
        self._all_back(counted=True)

    @rule()
    def vanish_in_the_middle_of_a_turn(self) -> None:
        """In one step, since five in a row are rare otherwise."""
        self.connect()
        self.push()
        self.begin()
        self.disconnect()

    @precondition(lambda self: self.session)
    @rule()
    def end_by_the_hive(self) -> None:
        assert delivery.release("bob", self._session, counted=False) == len(self.leased)
        self.session = None
        self._all_back(counted=False)

    @rule()
    def crash(self) -> None:
        assert delivery.release_all() == len(self.leased)
        self.session = None
        self._all_back(counted=False)

    @rule()
    def expire(self) -> None:
        over = set(self.queue) & self.mortal
        assert deadletters.expire_due(timezone.now() + timedelta(hours=2)) == len(over)
        self.queue = [ident for ident in self.queue if ident not in over]
        self.dead |= over

    @precondition(lambda self: self.dead)
    @rule()
    def retry(self) -> None:
        ident = min(self.dead)
        assert deadletters.retry(Delivery.objects.get(message_id=ident).pk)
        self.dead.discard(ident)
        self.tries[ident] = 0
        self.mortal.discard(ident)
        self._back({ident})

    @precondition(lambda self: self.dead)
    @rule()
    def discard(self) -> None:
        ident = max(self.dead)
        row = Delivery.objects.get(message_id=ident).pk
        assert deadletters.discard(row)
        assert not deadletters.discard(row), "only once"
        assert not deadletters.retry(row)
        self.dead.discard(ident)
        self.discarded.add(ident)

    @invariant()
    def the_rows_say_what_ought_to_be(self) -> None:
        rows = {row.message_id: row for row in Delivery.objects.filter(recipient="bob")}
        states = [{i for i, row in rows.items() if row.state == state} for state in Delivery.State.values]
        assert states == [set(self.queue), set(self.leased), self.done, self.dead, self.discarded]
        assert {ident: rows[ident].tries for ident in [*self.queue, *self.leased]} == {
            ident: self.tries[ident] for ident in [*self.queue, *self.leased]
        }
        assert all(row.error and row.acknowledged_at for row in rows.values() if row.message_id in self.dead)
        assert {ident for ident, row in rows.items() if row.redelivered} <= self.delivered_before
        assert all(rows[ident].redelivered == (ident in self.delivered_before) for ident in self.queue)
        assert all(rows[ident].turn == turn for ident, turn in self.leased.items())
        assert [message.id for message in delivery.peek("bob", 100)] == self._in_order()

    @property
    def _session(self) -> str:
        assert self.session
        return self.session

    def _took(self, got: list[Leased], limit: int, turn: str) -> None:
        expected = self._in_order()[: max(limit, 0)]
        assert [message.id for message in got] == expected, "urgent first, then the oldest, no more than asked"
        assert all(message.redelivered == (message.id in self.delivered_before) for message in got)
        self.queue = [ident for ident in self.queue if ident not in expected]
        self.leased |= dict.fromkeys(expected, turn)
        if turn:
            self._count(expected, 1)

    def _in_order(self) -> list[int]:
        return sorted(self.queue, key=lambda ident: (ident not in self.urgent, ident))

    def _count(self, idents: Iterable[int], by: int) -> None:
        for ident in idents:
            self.tries[ident] += by

    def _all_back(self, *, counted: bool) -> None:
        """Where the agent has vanished, what a turn had taken too often is dead."""
        taken = {ident for ident, turn in self.leased.items() if turn}
        worn = {ident for ident in taken if counted and self.tries[ident] >= TRIES}
        if not counted:
            self._count(taken, -1)
        self.dead |= worn
        self._back(set(self.leased) - worn)
        self.leased, self.pushed, self.turns = {}, set(), []

    def _back(self, idents: set[int]) -> None:
        self.queue.extend(idents)
        self.delivered_before |= idents


class TestMachine(TestCase):
    def test_it_does_what_its_model_does(self) -> None:
        steps = settings(max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=[*HealthCheck])
        with mock.patch.object(delivery, "MAX_TRIES", TRIES):
            run_state_machine_as_test(Machine, settings=steps)


@pytest.mark.django_db
def test_times_carry_their_zone() -> None:
    Agent.objects.create(name="bob", lifecycle="live")
    before = timezone.now()
    send(Sender.operator("ann"), "bob", "x")
    (message,) = delivery.peek("bob", 1)
    assert message.created_at.endswith("+00:00")
    assert before.isoformat() <= message.created_at <= timezone.now().isoformat()
