"""Questions: who may ask, who alone may answer, what arrives, and what happens when the time is up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import naming
from agents.models import Change
from broker import questions
from broker.models import Message, Question
from broker.questions import QuestionRefused
from broker.refusals import SendRefused
from broker.sending import Sender
from tests import builders

pytestmark = pytest.mark.django_db
ALICE, BOB, ADA = Sender.agent("alice"), Sender.agent("bob"), Sender.operator("ada")


@pytest.fixture(autouse=True)
def swarm() -> None:
    for name in (naming.MANAGER, "alice", "bob"):
        builders.agent(name)


def newest(to: str) -> Message:
    found = Message.objects.filter(deliveries__recipient=to).first()
    assert found is not None
    return found


def test_the_target_reads_the_question_and_the_asker_the_answer() -> None:
    question = questions.ask(ALICE, "bob", "Which colour?", options=["red", "blue"])
    told = newest("bob")
    assert (told.pk, told.kind, told.sender, told.provenance) == (question.message_id, "question", "alice", "agent")
    assert told.body.startswith("Which colour?\n\nChoose one of these:\n- red\n- blue\n")
    assert f"answer, id {question.pk}" in told.body
    questions.answer(BOB, question.pk, "green, if you ask me")
    reply = newest("alice")
    assert (reply.kind, reply.sender, reply.provenance) == ("question_answered", "bob", "agent")
    assert reply.in_reply_to == question.message_id
    assert reply.body.startswith("green, if you ask me\n")
    fresh = Question.objects.get()
    assert (fresh.state, fresh.answer, fresh.answered_by) == ("answered", "green, if you ask me", "bob")


def test_a_question_is_the_operators_unless_another_is_named() -> None:
    question = questions.ask(ALICE, "operator", "May I?")
    assert [each.pk for each in questions.for_operator()] == [question.pk]
    assert Change.objects.filter(topic="operator").exists(), "the attention queue is looked at again"
    questions.answer(ADA, question.pk, "yes")
    reply = newest("alice")
    assert (reply.provenance, reply.sender, reply.author) == ("operator", "operator", "ada")
    assert not questions.for_operator()


def test_the_operator_asks_and_reads_the_answer_in_its_inbox() -> None:
    question = questions.ask(ADA, "manager", "Ready?", ttl_seconds=60)
    assert question.target == naming.MANAGER
    questions.answer(Sender.agent(naming.MANAGER), question.pk, "soon")
    assert newest("operator").body.startswith("soon\n")


@pytest.mark.parametrize("sender", [ALICE, Sender.agent(naming.MANAGER), ADA], ids=["asker", "manager", "operator"])
def test_only_the_declared_target_answers(sender: Sender) -> None:
    question = questions.ask(ALICE, "bob", "Well?")
    with pytest.raises(QuestionRefused):
        questions.answer(sender, question.pk, "yes")
    assert Question.objects.get().state == "open"
    assert Message.objects.count() == 1


def test_an_agent_named_like_nobody_cannot_answer_for_the_operator() -> None:
    question = questions.ask(ALICE, "operator", "May I?")
    for sender in (ALICE, BOB, Sender.external("operator"), Sender.system()):
        with pytest.raises(QuestionRefused):
            questions.answer(sender, question.pk, "yes")


def test_it_is_answered_once() -> None:
    question = questions.ask(ALICE, "bob", "Well?")
    questions.answer(BOB, question.pk, "yes")
    with pytest.raises(QuestionRefused, match="answered already"):
        questions.answer(BOB, question.pk, "no")
    assert Question.objects.get().answer == "yes"


def test_when_the_time_is_up_the_answer_is_expired() -> None:
    question = questions.ask(ALICE, "operator", "Now?", ttl_seconds=60)
    soon, late = timezone.now(), timezone.now() + timedelta(seconds=61)
    assert question.expires_at is not None
    assert questions.next_expiry() == question.expires_at
    assert questions.expire(soon) == 0
    assert questions.expire(late) == 1
    assert questions.expire(late) == 0
    reply = newest("alice")
    assert (reply.provenance, reply.kind) == ("system", "question_answered")
    assert reply.body.startswith("[expired]\n")
    with pytest.raises(QuestionRefused, match="expired already"):
        questions.answer(ADA, question.pk, "too late")
    assert questions.next_expiry() is None


def test_a_question_taken_back_needs_no_answer() -> None:
    question = questions.ask(ALICE, "bob", "Well?")
    assert not questions.withdraw("bob", question.pk), "not its own"
    assert questions.withdraw("alice", question.pk)
    assert not questions.withdraw("alice", question.pk)
    assert newest("bob").kind == "question_withdrawn"
    with pytest.raises(QuestionRefused, match="withdrawn already"):
        questions.answer(BOB, question.pk, "yes")


def test_the_policy_holds_for_asking_and_for_answering() -> None:
    shut = builders.agent("shut")
    assert shut.deployment is not None
    shut.deployment.options = builders.agent_options(allowedRecipients=["operator"])
    shut.deployment.save()
    with pytest.raises(SendRefused, match="allowedRecipients"):
        questions.ask(Sender.agent("shut"), "alice", "psst?")
    assert not Question.objects.exists()
    question = questions.ask(ALICE, "shut", "psst?")
    with pytest.raises(SendRefused, match="allowedRecipients"):
        questions.answer(Sender.agent("shut"), question.pk, "psst")
    assert Question.objects.get().state == "open"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"to": "alice"}, "one other"),
        ({"to": "*"}, "one other"),
        ({"text": " "}, "is empty"),
        ({"text": "x" * 20_001}, "20000"),
        ({"options": ["a"] * 2}, "differ"),
        ({"options": [str(n) for n in range(13)]}, "12 options"),
        ({"options": [" "]}, "1 to 200"),
        ({"options": ["x" * 201]}, "1 to 200"),
        ({"multi": True}, "needs options"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], says: str) -> None:
    given = {"to": "bob", "text": "Well?", **given}
    with pytest.raises(QuestionRefused, match=says):
        questions.ask(ALICE, given.pop("to"), given.pop("text"), **given)
    assert not Question.objects.exists()
    assert not Message.objects.exists()


def test_nobody_has_more_than_fifty_open() -> None:
    for number in range(questions.MAX_OPEN):
        questions.ask(ALICE, "bob", str(number))
    with pytest.raises(QuestionRefused, match="50"):
        questions.ask(ALICE, "bob", "one more")
    questions.ask(BOB, "alice", "mine")


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001])
def test_an_answer_has_words_and_not_too_many(text: str) -> None:
    question = questions.ask(ALICE, "bob", "Well?")
    with pytest.raises(QuestionRefused):
        questions.answer(BOB, question.pk, text)
    assert Question.objects.get().state == "open"


def test_a_removed_agent_leaves_no_question_behind() -> None:
    asked, owed = questions.ask(ALICE, "bob", "Well?"), questions.ask(BOB, "alice", "And you?")
    questions.party_gone("bob")
    assert Question.objects.get(pk=asked.pk).state == "expired"
    assert Question.objects.get(pk=owed.pk).state == "withdrawn"
    assert Message.objects.filter(body__startswith="[expired] bob was removed", to="alice").exists()
