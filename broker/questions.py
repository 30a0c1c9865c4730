"""Questions: one asks, one other answers, at the latest when the time is up. The answer arrives as a message.

Options are offers: free text is always an answer too. Everything happens in one transaction with its messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents import feed, naming
from broker import sql
from broker.models import Question
from broker.policy import EVERYONE, OPERATOR
from broker.refusals import Refused, SendRefused
from broker.senders import Sender
from broker.sending import send

MAX_QUESTION, MAX_ANSWER = 20_000, 20_000
MAX_OPTIONS, MAX_OPTION = 12, 200
MAX_TTL = 30 * 24 * 3600
MAX_OPEN = 50
EXPIRED = "[expired]"
_QUESTIONS = Question._meta.db_table
State = Question.State


class QuestionRefused(Refused):
    """The question or the answer cannot be taken; the text says why."""


def for_operator() -> QuerySet[Question]:
    """What waits for the operator's answer, the oldest first."""
    return open_for(OPERATOR)


def open_for(target: str) -> QuerySet[Question]:
    """What waits for this one's answer, the oldest first."""
    return Question.objects.filter(target=target, state=State.OPEN).order_by("id")


def asked_by(asker: str) -> QuerySet[Question]:
    """What this one has asked and nobody has answered yet, the oldest first."""
    return Question.objects.filter(asker=asker, state=State.OPEN).order_by("id")


def ask(
    sender: Sender,
    to: str,
    text: str,
    *,
    options: Sequence[str] = (),
    multi: bool = False,
    ttl_seconds: int | None = None,
) -> Question:
    """Put a question to an agent or the operator. Raises `QuestionRefused`, `SendRefused`."""
    offered = _checked(text, options, multi=multi)
    if ttl_seconds is not None and not 1 <= ttl_seconds <= MAX_TTL:
        raise QuestionRefused(f"the time for an answer is 1 to {MAX_TTL} seconds")
    target = naming.resolve_alias(to)
    if target in (EVERYONE, sender.address):
        raise QuestionRefused("a question is for one other: name an agent, 'manager' or 'operator'")
    if asked_by(sender.address).count() >= MAX_OPEN:
        raise QuestionRefused(f"{MAX_OPEN} questions of yours are open: wait for answers, or withdraw some")
    expires = timezone.now() + timedelta(seconds=ttl_seconds) if ttl_seconds is not None else None
    with transaction.atomic():
        question = Question.objects.create(
            asker=sender.address, target=target, text=text, options=offered, multi=multi, expires_at=expires
        )
        sent = send(sender, target, _worded(question), kind="question")
        Question.objects.filter(pk=question.pk).update(message_id=sent.id)
        question.message_id = sent.id
        _changed(question)
    return question


def answer(sender: Sender, question_id: int, text: str) -> Question:
    """Answer a question. Only its target may, once. Raises `QuestionRefused`, `SendRefused`."""
    question = Question.objects.filter(pk=question_id).first()
    if question is None or sender.address not in (question.target, question.asker):
        raise QuestionRefused(f"there is no question {question_id} for you")
    if sender.address != question.target:
        raise QuestionRefused(f"question {question_id} is for {question.target}: nobody else can answer it")
    if not text.strip():
        raise QuestionRefused("the answer is empty")
    if len(text) > MAX_ANSWER:
        raise QuestionRefused(f"the answer has more than {MAX_ANSWER} characters")
    with transaction.atomic():
        if not _end(question, State.ANSWERED, answer=text, answered_by=sender.author or sender.address):
            raise QuestionRefused(f"question {question_id} is {Question.objects.get(pk=question_id).state} already")
        _reply(sender, question, text)
    return Question.objects.get(pk=question_id)


def withdraw(asker: str, question_id: int) -> bool:
    """Take a question back; an agent that was to answer is told. False when it is not open or not its asker's."""
    question = asked_by(asker).filter(pk=question_id).first()
    if question is None:
        return False
    with transaction.atomic():
        done = _end(question, State.WITHDRAWN)
        if done and question.target != OPERATOR:
            _tell(question.target, f"{asker} has withdrawn its question {question.pk}.", question.message_id)
    return done


def expire(now: datetime) -> int:
    """Answer `[expired]` where the time is up. Returns how many questions that were."""
    found = sql.rows(
        f"SELECT id FROM {_QUESTIONS} WHERE state = 'open' AND expires_at <= %s ORDER BY expires_at LIMIT 200",  # noqa: S608
        sql.moment(now),
    )
    due = list(Question.objects.filter(pk__in=[ident for (ident,) in found]).order_by("id"))
    for question in due:
        with transaction.atomic():
            if _end(question, State.EXPIRED, answer=EXPIRED):
                _reply(Sender.system(), question, EXPIRED)
    return len(due)


def next_expiry() -> datetime | None:
    """When the next open question's time is up."""
    statement = f"SELECT min(expires_at) FROM {_QUESTIONS} WHERE state = 'open' AND expires_at IS NOT NULL"  # noqa: S608
    found = sql.row(statement)
    return sql.time(found[0]) if found else None


def party_gone(name: str) -> None:
    """Everything of this agent was removed: what it asked is withdrawn, what it was asked has expired."""
    for question in asked_by(name):
        withdraw(name, question.pk)
    for question in open_for(name):
        if _end(question, State.EXPIRED, answer=EXPIRED):
            _reply(Sender.system(), question, f"{EXPIRED} {name} was removed")


def _checked(text: str, options: Sequence[str], *, multi: bool) -> list[str]:
    if not text.strip():
        raise QuestionRefused("the question is empty")
    if len(text) > MAX_QUESTION:
        raise QuestionRefused(f"the question has more than {MAX_QUESTION} characters")
    offered = [" ".join(option.split()) for option in options]
    if len(offered) > MAX_OPTIONS:
        raise QuestionRefused(f"at most {MAX_OPTIONS} options can be offered")
    if any(not option or len(option) > MAX_OPTION for option in offered):
        raise QuestionRefused(f"an option has 1 to {MAX_OPTION} characters")
    if len(set(offered)) != len(offered):
        raise QuestionRefused("the options must differ from each other")
    if multi and not offered:
        raise QuestionRefused("multi needs options to choose several of")
    return offered


def _worded(question: Question) -> str:
    """The question as its target reads it."""
    lines = [question.text]
    if question.options:
        lines += ["", "Choose any of these, one on a line:" if question.multi else "Choose one of these:"]
        lines += [f"- {option}" for option in question.options]
    if question.target != OPERATOR:
        lines += ["", f"(question {question.pk}: answer with the tool answer, id {question.pk}; your own words do too)"]
    return "\n".join(lines)


def _end(question: Question, state: str, **fields: object) -> bool:
    rows = Question.objects.filter(pk=question.pk, state=State.OPEN)
    if not rows.update(state=state, ended_at=timezone.now(), **fields):
        return False
    _changed(question)
    return True


def _reply(sender: Sender, question: Question, text: str) -> None:
    """Where the policy forbids the one who answers to write to the asker, nothing is answered."""
    line = question.text.strip().partition("\n")[0][:200]
    body = f"{text}\n\n(answer to your question {question.pk}: {line})"
    try:
        send(sender, question.asker, body, in_reply_to=question.message_id, kind="question_answered")
    except SendRefused:
        if sender.is_agent:
            raise


def _tell(to: str, text: str, about: int | None) -> None:
    try:
        send(Sender.system(), to, text, in_reply_to=about, kind="question_withdrawn")
    except SendRefused:  # it has no container now, and reads nothing
        return


def _changed(question: Question) -> None:
    feed.publish("questions", question.pk)
    if OPERATOR in (question.target, question.asker):
        feed.publish("operator")
