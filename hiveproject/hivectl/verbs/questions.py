"""Verbs about questions: the operator asks an agent, and answers what it was asked."""

from __future__ import annotations

import argparse
import sys
from textwrap import indent
from typing import Any

from broker import questions
from broker.models import Question
from broker.sending import Sender
from hiveproject.account import USERNAME
from hiveproject.hivectl.answers import Answer, readable
from hiveproject.hivectl.verbs.agents import existing


def ask(options: argparse.Namespace) -> Answer:
    """Ask an agent; its answer comes to the operator's inbox."""
    text = sys.stdin.read() if options.text == "-" else options.text
    question = questions.ask(
        Sender.operator(USERNAME),
        existing(options.name).name,
        text,
        options=options.option,
        multi=options.multi,
        ttl_seconds=options.ttl,
    )
    return Answer(_row(question), f"Question {question.pk} for {question.target}; the answer comes to 'hivectl inbox'.")


def answer(options: argparse.Namespace) -> Answer:
    """Answer a question to the operator."""
    text = sys.stdin.read() if options.text == "-" else options.text
    question = questions.answer(Sender.operator(USERNAME), options.id, text)
    return Answer(_row(question), f"{question.asker} gets your answer to question {question.pk}.")


def list_questions(_: argparse.Namespace) -> Answer:
    rows = [_row(question) for question in questions.for_operator()]
    return Answer(rows, "\n\n".join(map(_shown, rows)) or "Nobody waits for an answer.")


def _row(question: Question) -> dict[str, Any]:
    return {
        "id": question.pk,
        "asker": question.asker,
        "target": question.target,
        "question": question.text,
        "options": question.options,
        "multi": question.multi,
        "state": question.state,
        "asked_at": question.asked_at.isoformat(),
        "expires_at": question.expires_at.isoformat() if question.expires_at else None,
        "answer": question.answer or None,
        "message": question.message_id,
    }


def _shown(row: dict[str, Any]) -> str:
    head = f"{row['id']}  {row['asker']} asks  {row['asked_at'][:16].replace('T', ' ')}"
    until = f", until {row['expires_at'][:16].replace('T', ' ')}" if row["expires_at"] else ""
    text = "\n".join([row["question"], *(f"- {option}" for option in row["options"])])
    # Indented, so that no text can pass for the head of another question.
    return f"{head}{until}\n{indent(readable(text), '  ')}"
