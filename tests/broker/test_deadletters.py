"""Dead letters: why a message could not be delivered is told to who sent it, and the operator decides about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Change
from broker import deadletters, delivery
from broker.models import Delivery, Message
from broker.refusals import SendRefused
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
LATE = timedelta(hours=1)


@pytest.fixture(autouse=True)
def swarm() -> None:
    builders.agent("alice")
    builders.agent("bob")


def vanish(times: int) -> None:
    """bob takes what waits into a turn and vanishes, again and again."""
    for number in range(times):
        session = f"s{number}"
        leased = delivery.lease("bob", session, 10)
        delivery.begin_turn("bob", session, "t", [message.id for message in leased])
        delivery.release("bob", session)


def test_a_message_that_kills_its_reader_is_dead_after_five_turns() -> None:
    sent = send(Sender.agent("alice"), "bob", "poison")
    vanish(delivery.MAX_TRIES - 1)
    assert Delivery.objects.get().state == "queued"
    vanish(1)
    dead = Delivery.objects.get(message_id=sent.id)
    assert (dead.state, dead.tries) == ("dead", 5)
    assert "5 turns" in dead.error
    assert delivery.peek("bob", 1) == []
    notice = Message.objects.get(kind="dead_letter")
    assert (notice.to, notice.provenance, notice.in_reply_to) == ("alice", "system", sent.id)
    assert "poison" in notice.body
    assert "5 turns" in notice.body
    assert Change.objects.filter(topic="operator").exists()


def test_only_turns_that_took_it_count() -> None:
    send(Sender.agent("alice"), "bob", "waits")
    for number in range(10):
        delivery.lease("bob", f"s{number}", 1)
        delivery.release("bob", f"s{number}")
    assert Delivery.objects.get().state == "queued"


def test_what_expires_is_a_dead_letter_and_is_never_delivered() -> None:
    sent = send(Sender.agent("alice"), "bob", "quick", ttl_seconds=60)
    Delivery.objects.update(expires_at=timezone.now() - LATE)
    assert delivery.lease("bob", "s", 5) == []
    assert deadletters.expire_due(timezone.now()) == 1
    assert Delivery.objects.get(message_id=sent.id).state == "dead"
    assert "expired" in Message.objects.get(kind="dead_letter").body


def test_an_urgent_message_overtakes_and_never_expires() -> None:
    slow, fast = send(Sender.agent("alice"), "bob", "slow"), send(Sender.agent("alice"), "bob", "fast", urgent=True)
    assert [message.id for message in delivery.peek("bob", 5)] == [fast.id, slow.id]
    assert deadletters.expire_due(timezone.now() + timedelta(days=400)) == 0
    with pytest.raises(SendRefused, match="urgent"):
        send(Sender.agent("alice"), "bob", "both", urgent=True, ttl_seconds=5)


@pytest.mark.parametrize("sender", [Sender.operator("ada"), Sender.system(), Sender.external("ci")])
def test_who_is_no_agent_gets_no_message_about_it(sender: Sender) -> None:
    send(sender, "bob", "x", ttl_seconds=1)
    deadletters.expire_due(timezone.now() + LATE)
    assert deadletters.count() == 1
    assert Message.objects.count() == 1


def test_a_notice_that_dies_makes_no_further_notice() -> None:
    send(Sender.agent("alice"), "bob", "x", ttl_seconds=1)
    deadletters.expire_due(timezone.now() + LATE)
    deadletters.recipient_gone("alice")
    assert deadletters.count() == 2
    assert Message.objects.count() == 2


def test_a_removed_agents_messages_are_dead() -> None:
    send(Sender.agent("alice"), "bob", "one")
    send(Sender.agent("alice"), "bob", "two")
    delivery.lease("bob", "s", 1)
    assert deadletters.recipient_gone("bob") == 2
    assert {row.error for row in deadletters.waiting()} == {"bob was removed with all its state"}


def test_the_operator_has_it_delivered_again() -> None:
    sent = send(Sender.agent("alice"), "bob", "x", ttl_seconds=1)
    deadletters.expire_due(timezone.now() + LATE)
    (dead,) = deadletters.waiting()
    assert deadletters.retry(dead.pk)
    assert not deadletters.retry(dead.pk), "once"
    (again,) = delivery.lease("bob", "s", 5)
    assert (again.id, again.redelivered) == (sent.id, True)
    assert deadletters.expire_due(timezone.now() + LATE) == 0


def test_the_operator_gives_it_up() -> None:
    send(Sender.agent("alice"), "bob", "x", ttl_seconds=1)
    deadletters.expire_due(timezone.now() + LATE)
    (dead,) = deadletters.waiting()
    assert deadletters.discard(dead.pk)
    assert not deadletters.discard(dead.pk)
    assert deadletters.count() == 0
    assert Delivery.objects.get(pk=dead.pk).state == "discarded"
