"""Verbs about messages on their way: search, dead letters."""

from __future__ import annotations

import argparse
from typing import Any

from broker import deadletters, flow
from broker.models import Delivery, Message
from broker.refusals import Refused
from hiveproject.hivectl.answers import FAILED, Answer, table
from hiveproject.hivectl.verbs.messages import message_row, message_shown

_ACTS = {"retry": (deadletters.retry, "waits for its recipient again"), "discard": (deadletters.discard, "is given up")}


class NothingChosen(Refused):
    """A verb on some of many needs to be told which."""


def search(options: argparse.Namespace) -> Answer:
    """Messages with all these words, the newest first."""
    found = flow.find(" ".join(options.words), party=options.agent, before=options.before, limit=options.limit)
    rows = [_row(message) for message in found]
    return Answer(rows, "\n\n".join(message_shown(row) for row in rows) or "No message matches.")


def dead_letters(options: argparse.Namespace) -> Answer:
    """List them, or decide about those whose ids are given."""
    if options.what is None:
        rows = [_letter(letter) for letter in deadletters.waiting()]
        shown = [(row["id"], row["message"], row["sender"], row["recipient"], row["why"]) for row in rows]
        return Answer(rows, table(("ID", "MESSAGE", "FROM", "TO", "WHY"), shown, "Every message could be delivered."))
    if not options.ids:
        raise NothingChosen(f"say which: 'hivectl dead-letters {options.what} ID…'; the list shows the ids")
    act, words = _ACTS[options.what]
    results = [{"id": ident, "done": act(ident)} for ident in options.ids]
    left = [str(row["id"]) for row in results if not row["done"]]
    if left:
        return Answer(results, code=FAILED, complaint=f"not a dead letter any more: {', '.join(left)}")
    return Answer(results, "\n".join(f"{row['id']} {words}." for row in results))


def _row(message: Message) -> dict[str, Any]:
    states = {delivery.recipient: delivery.state for delivery in message.deliveries.all()}
    return {**message_row(message), "state": next(iter(states.values()), None), "states": states}


def _letter(letter: Delivery) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "message": letter.message_id,
        "sender": letter.message.sender,
        "recipient": letter.recipient,
        "why": letter.error,
        "died_at": letter.acknowledged_at.isoformat() if letter.acknowledged_at else None,
        "body": letter.message.body,
    }
