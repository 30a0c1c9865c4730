"""Rows that the builders of all tests do not have."""

from __future__ import annotations

from broker.sending import Sender, Sent, send


def say(author: str, to: str, body: str, in_reply_to: int | None = None) -> Sent:
    """A message of the operator's or of an agent's."""
    sender = Sender.operator("operator") if author == "operator" else Sender.agent(author)
    return send(sender, to, body, in_reply_to=in_reply_to)
