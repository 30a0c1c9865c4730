"""The delivery machine against a model of it: send, lease, begin, end, hand back, disconnect, crash, in any order."""

from __future__ import annotations

import pytest
from django.test import TestCase
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agents.models import Agent
from broker import delivery
from broker.models import Delivery, Message
from broker.refusals import NotLeased
from broker.sending import Sender, send

WINDOW = 3


class Machine(RuleBasedStateMachine):
    """`queue`, `leased` and `done` are what ought to be; ids are messages'."""

    def __init__(self) -> None:
        super().__init__()
        Agent.objects.get_or_create(name="bob", defaults={"lifecycle": "live"})
        Message.objects.all().delete()
        self.session: str | None = None
        self.sessions = 0
        self.queue: list[int] = []
        self.leased: dict[int, str] = {}
        self.pushed: set[int] = set()
        self.done: set[int] = set()
        self.delivered_before: set[int] = set()
        self.turns: list[str] = []
        self.started = 0

    @rule()
    def send(self) -> None:
        self.queue.append(send(Sender.system(), "bob", "x").id)

    @rule()
    def connect(self) -> None:
        self.sessions += 1
        self.session = f"s{self.sessions}"
        delivery.release_others("bob", self.session)
        self._all_back()

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
            self._back(mine)

    @precondition(lambda self: self.session)
    @rule()
    def steal(self) -> None:
        for ident in [*self.queue, *self.done]:
            with pytest.raises(NotLeased):
                delivery.begin_turn("bob", self._session, "theft", [ident])

    @precondition(lambda self: self.session)
    @rule()
    def disconnect(self) -> None:
        assert delivery.release("bob", self._session) == len(self.leased)
        self.session = None
        self._all_back()

    @rule()
    def crash(self) -> None:
        assert delivery.release_all() == len(self.leased)
        self.session = None
        self._all_back()

    @invariant()
    def the_rows_say_what_ought_to_be(self) -> None:
        rows = {row.message_id: row for row in Delivery.objects.filter(recipient="bob")}
        queued, leased, done = ({i for i, row in rows.items() if row.state == state} for state in Delivery.State.values)
        assert (queued, leased, done) == (set(self.queue), set(self.leased), self.done)
        assert {ident for ident, row in rows.items() if row.redelivered} <= self.delivered_before
        assert all(rows[ident].redelivered == (ident in self.delivered_before) for ident in self.queue)
        assert all(rows[ident].turn == turn for ident, turn in self.leased.items())
        assert [message.id for message in delivery.peek("bob", 100)] == sorted(self.queue)

    @property
    def _session(self) -> str:
        assert self.session
        return self.session

    def _took(self, got: list[delivery.Leased], limit: int, turn: str) -> None:
        expected = sorted(self.queue)[: max(limit, 0)]
        assert [message.id for message in got] == expected, "oldest first, no more than asked"
        assert all(message.redelivered == (message.id in self.delivered_before) for message in got)
        self.queue = [ident for ident in self.queue if ident not in expected]
        self.leased |= dict.fromkeys(expected, turn)

    def _all_back(self) -> None:
        self._back(set(self.leased))
        self.leased, self.pushed, self.turns = {}, set(), []

    def _back(self, idents: set[int]) -> None:
        self.queue.extend(idents)
        self.delivered_before |= idents


class TestMachine(TestCase):
    def test_it_does_what_its_model_does(self) -> None:
        steps = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[*HealthCheck])
        run_state_machine_as_test(Machine, settings=steps)


@pytest.mark.django_db
def test_times_carry_their_zone() -> None:
    Agent.objects.create(name="bob", lifecycle="live")
    before = timezone.now()
    send(Sender.operator("ann"), "bob", "x")
    (message,) = delivery.peek("bob", 1)
    assert message.created_at.endswith("+00:00")
    assert before.isoformat() <= message.created_at <= timezone.now().isoformat()
