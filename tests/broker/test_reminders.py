"""Reminders: kept, fired once, after downtime too; and the clock that looks up what is due."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from agents.models import Agent
from broker import deadletters, questions, reminders
from broker.clock import Clock, Duty
from broker.models import Delivery, Message, Reminder
from broker.refusals import SendRefused
from broker.reminders import ReminderRefused
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def swarm() -> None:
    builders.agent("alice")
    builders.agent("bob")


def test_it_comes_back_as_a_message_of_ones_own() -> None:
    reminder = reminders.remind("alice", "look at the build", delay_seconds=60)
    assert reminders.fire(timezone.now()) == 0
    assert reminders.fire(timezone.now() + LATER) == 1
    assert reminders.fire(timezone.now() + LATER) == 0, "once"
    message = Message.objects.get()
    assert (message.sender, message.provenance, message.kind) == ("alice", "agent", "reminder")
    assert list(message.deliveries.values_list("recipient", flat=True)) == ["alice"]
    assert Reminder.objects.get(pk=reminder.pk).state == "fired"


def test_it_reaches_its_agent_whatever_the_policy_says() -> None:
    agent = Agent.objects.get(name="alice")
    assert agent.deployment is not None
    agent.deployment.options = builders.agent_options(allowedRecipients=[])
    agent.deployment.save()
    reminders.remind("alice", "x", delay_seconds=1)
    assert reminders.fire(timezone.now() + LATER) == 1
    assert Message.objects.count() == 1


def test_it_waits_while_the_agent_has_no_container() -> None:
    reminders.remind("alice", "x", delay_seconds=1)
    Agent.objects.filter(name="alice").update(lifecycle="kept")
    assert reminders.next_due() is None
    assert reminders.fire(timezone.now() + LATER) == 0
    Agent.objects.filter(name="alice").update(lifecycle="live")
    assert reminders.next_due() is not None
    assert reminders.fire(timezone.now() + LATER) == 1


def test_a_time_is_taken_as_it_is_given() -> None:
    at = datetime(2999, 1, 1, tzinfo=UTC).replace(year=timezone.now().year + 1, month=1)
    assert reminders.remind("alice", "x", at=min(at, timezone.now() + timedelta(days=300))).due_at <= at


@pytest.mark.parametrize(
    ("text", "when", "says"),
    [
        ("x", {}, "either"),
        ("x", {"delay_seconds": 1, "at": datetime(2999, 1, 1, tzinfo=UTC)}, "either"),
        ("x", {"at": datetime(2020, 1, 1, tzinfo=UTC)}, "in the past"),
        ("x", {"at": datetime(2999, 1, 1, tzinfo=UTC)}, "more than a year"),
        ("x", {"at": datetime(2999, 1, 1)}, "time zone"),  # noqa: DTZ001
        ("x" * 20_001, {"delay_seconds": 1}, "20000"),
    ],
)
def test_nonsense_is_refused(text: str, when: dict[str, object], says: str) -> None:
    with pytest.raises(ReminderRefused, match=says):
        reminders.remind("alice", text, **when)  # type: ignore[arg-type]
    assert not Reminder.objects.exists()


@pytest.mark.parametrize("text", ["", " \n", "a\0b"])
def test_what_could_not_be_sent_is_not_kept(text: str) -> None:
    with pytest.raises(SendRefused):
        reminders.remind("alice", text, delay_seconds=1)
    assert not Reminder.objects.exists()


def test_fifty_may_be_pending() -> None:
    made = [reminders.remind("alice", str(n), delay_seconds=60) for n in range(reminders.MAX_PENDING)]
    with pytest.raises(ReminderRefused, match="50"):
        reminders.remind("alice", "one more", delay_seconds=60)
    reminders.remind("bob", "mine", delay_seconds=60)
    assert not reminders.cancel("bob", made[0].pk), "not its own"
    assert reminders.cancel("alice", made[0].pk)
    assert not reminders.cancel("alice", made[0].pk)
    reminders.remind("alice", "one more", delay_seconds=60)
    assert reminders.fire(timezone.now() + LATER) == 51


def at_once(duty: Duty) -> Clock:
    clock = Clock(lambda: False, [duty])
    clock.tick(timezone.now())
    return clock


class TestClock:
    def test_what_fell_due_while_nothing_ran_is_done_at_the_start(self) -> None:
        reminders.remind("alice", "x", delay_seconds=1)
        questions.ask(Sender.agent("alice"), "bob", "?", ttl_seconds=1)
        send(Sender.agent("alice"), "bob", "soon", ttl_seconds=1)
        Clock(lambda: False).tick(timezone.now() + LATER)
        assert Reminder.objects.get().state == "fired"
        assert not questions.asked_by("alice").exists()
        assert Delivery.objects.filter(message__body="soon").get().state == "dead"

    def test_the_database_is_asked_only_when_something_changed_or_is_due(self) -> None:
        asked: list[datetime] = []
        now = timezone.now()
        changed = [False]

        def next_due() -> datetime:
            asked.append(now)
            return now + LATER

        clock = Clock(lambda: changed.pop(), [Duty("x", next_due, lambda _now: None)])
        clock.tick(now)
        assert len(asked) == 1
        changed[:] = [False]
        clock.tick(now)
        assert len(asked) == 1
        changed[:] = [True]
        clock.tick(now)
        assert len(asked) == 2
        clock.tick(now + 2 * LATER)
        assert len(asked) == 4, "before and after it was done"

    def test_a_duty_that_fails_does_not_hold_up_the_others(self) -> None:
        now = timezone.now()
        done: list[datetime] = []

        def fail(_now: datetime) -> None:
            raise ZeroDivisionError

        due = [now]
        clock = Clock(
            lambda: False,
            [Duty("broken", lambda: now, fail), Duty("well", lambda: due.pop() if due else None, done.append)],
        )
        clock.tick(now)
        assert done == [now]

    def test_it_follows_until_it_is_stopped(self) -> None:
        stop, due = threading.Event(), [timezone.now()]

        def run(_now: datetime) -> None:
            due.clear()
            stop.set()

        Clock(lambda: True, [Duty("x", lambda: due[0] if due else None, run)]).follow(stop)
        assert not due


def test_nothing_is_due_where_nothing_waits() -> None:
    assert (reminders.next_due(), questions.next_expiry(), deadletters.next_expiry()) == (None, None, None)
