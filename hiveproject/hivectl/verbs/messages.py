"""Verbs about messages."""

from __future__ import annotations

import argparse
import sys
from textwrap import indent
from typing import Any

from agents import naming
from broker import inbox as inboxes
from broker import sending
from broker.models import Message
from broker.sending import Sender
from hiveproject.account import USERNAME
from hiveproject.hivectl.answers import Answer, readable
from hiveproject.hivectl.verbs.agents import existing


def send(options: argparse.Namespace) -> Answer:
    body = sys.stdin.read() if options.text == "-" else options.text
    to = naming.resolve_alias(options.name)
    if to not in ("*", inboxes.OPERATOR):
        existing(to)
    sent = sending.send(Sender.operator(USERNAME), to, body, in_reply_to=options.in_reply_to, urgent=options.urgent)
    data = {"id": sent.id, "to": list(sent.to), "refused": list(sent.refused)}
    return Answer(data, f"Message {sent.id} for {', '.join(sent.to)}.")


def inbox(options: argparse.Namespace) -> Answer:
    found = inboxes.operator() if options.name in (None, inboxes.OPERATOR) else inboxes.of(existing(options.name))
    rows = [{**message_row(delivery.message), "state": delivery.state} for delivery in found[: options.limit]]
    shown = [message_shown(row) for row in reversed(rows)]
    return Answer(rows, "\n\n".join(shown) or "No messages.")


def message_row(message: Message) -> dict[str, Any]:
    """A message for programs."""
    return {
        "id": message.pk,
        "sender": message.sender,
        "to": message.to,
        "body": message.body,
        "created_at": message.created_at.isoformat(),
        "in_reply_to": message.in_reply_to,
    }


def message_shown(row: dict[str, Any]) -> str:
    """A message for people; `row` has its state too."""
    answers = f", answers {row['in_reply_to']}" if row["in_reply_to"] else ""
    at = row["created_at"][:16].replace("T", " ")
    head = f"{row['id']}  {row['sender']} → {row['to']}  {at}  {row['state']}{answers}"
    # Indented, so that no text can pass for the head of another message.
    return f"{head}\n{indent(readable(row['body']), '  ')}"
