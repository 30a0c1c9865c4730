"""Retention: what everybody has dealt with goes after its days; what waits, is dead or is new stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from broker import deadletters, delivery, flow, questions, reminders, retention
from broker.models import Delivery, Message, Question, Reminder, Upkeep
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
ALICE = Sender.agent("alice")
OLD = timedelta(days=31)


@pytest.fixture(autouse=True)
def swarm() -> None:
    for name in ("alice", "bob", "carol"):
        builders.agent(name)


def old(body: str, state: str, to: str = "bob") -> int:
    ident = send(ALICE, to, body).id
    then = timezone.now() - OLD
    Message.objects.filter(pk=ident).update(created_at=then)
    ended = None if state in ("queued", "delivered") else then
    Delivery.objects.filter(message_id=ident).update(state=state, acknowledged_at=ended)
    return ident


def left() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("body", flat=True))


def test_only_what_is_over_goes() -> None:
    for state in Delivery.State.values:
        old(state, state)
    send(ALICE, "bob", "new")
    assert retention.run(timezone.now()) == 2
    assert left() == ["queued", "delivered", "dead", "new"]
    assert Delivery.objects.count() == 4


def test_days_count_from_the_acknowledgement() -> None:
    ident = old("slowly read", "acknowledged")
    Delivery.objects.filter(message_id=ident).update(acknowledged_at=timezone.now() - timedelta(days=1))
    assert retention.run(timezone.now()) == 0


def test_a_message_to_many_stays_until_the_last_has_read_it() -> None:
    ident = old("to all", "acknowledged", "*")
    last = Delivery.objects.filter(message_id=ident, recipient="carol")
    last.update(state="queued", acknowledged_at=None)
    assert retention.run(timezone.now()) == 0
    last.update(state="acknowledged", acknowledged_at=timezone.now() - OLD)
    assert retention.tidy(timezone.now() - timedelta(days=30)) == 1


def test_how_many_days_is_a_setting(settings: Settings) -> None:
    old("x", "acknowledged")
    settings.HIVE_RETENTION_DAYS = 60
    assert retention.run(timezone.now()) == 0
    assert retention.run(timezone.now() + timedelta(days=31)) == 1


def test_it_takes_more_than_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_STEP", 2)
    for number in range(5):
        old(str(number), "acknowledged")
    assert retention.run(timezone.now()) == 5


def test_each_hour_is_taken_once() -> None:
    now = timezone.now()
    assert retention.next_due() <= timezone.now()
    retention.run(now)
    assert retention.next_due() == now + timedelta(hours=1)
    row = Upkeep.objects.get()
    old("x", "acknowledged")
    stale = Upkeep(name=row.name, next_at=now)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Upkeep.objects, "get_or_create", lambda **_: (stale, False))
        assert retention.run(now) == 0, "another process has taken it"
    assert left() == ["x"]


def test_what_is_removed_is_found_no_more() -> None:
    old("the zeppelin of old", "acknowledged")
    kept = send(ALICE, "bob", "the zeppelin of today").id
    assert len(flow.find("zeppelin")) == 2
    retention.run(timezone.now())
    assert [message.pk for message in flow.find("zeppelin")] == [kept]
    assert flow.find("old") == []


def test_a_removed_messages_id_is_not_given_again_and_answers_stay() -> None:
    ident = old("question", "acknowledged")
    reply = send(Sender.agent("bob"), "alice", "answer", in_reply_to=ident).id
    retention.run(timezone.now())
    assert Message.objects.get(pk=reply).in_reply_to == ident
    assert send(ALICE, "bob", "next").id == reply + 1


def test_ended_questions_and_reminders_go_too() -> None:
    done, waiting = questions.ask(ALICE, "bob", "?"), questions.ask(ALICE, "bob", "!")
    questions.answer(Sender.agent("bob"), done.pk, "x")
    reminders.remind("alice", "soon", delay_seconds=5)
    fired = reminders.remind("alice", "x", delay_seconds=1)
    Reminder.objects.filter(pk=fired.pk).update(state="fired", ended_at=timezone.now() - OLD)
    Question.objects.filter(pk=done.pk).update(ended_at=timezone.now() - OLD)
    retention.run(timezone.now())
    assert [question.pk for question in Question.objects.all()] == [waiting.pk]
    assert [reminder.text for reminder in Reminder.objects.all()] == ["soon"]


def test_a_dead_letter_goes_after_it_was_given_up() -> None:
    ident = old("dead", "dead")
    (dead,) = deadletters.waiting()
    assert retention.run(timezone.now()) == 0
    deadletters.discard(dead.pk)
    assert retention.run(timezone.now() + timedelta(hours=2)) == 1
    assert not Message.objects.filter(pk=ident).exists()
    assert delivery.peek("bob", 5) == []
