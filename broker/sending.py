"""Sending a message from anywhere: commands, the worker, views. The web's agents go through `broker.writer`."""

from __future__ import annotations

from django.db import transaction

from broker import waking
from broker.policy import Directory
from broker.refusals import SendRefused
from broker.senders import Sender
from broker.storing import Outgoing, Sent, store

__all__ = ["SendRefused", "Sender", "Sent", "send"]


def send(
    sender: Sender,
    to: str,
    body: str,
    *,
    in_reply_to: int | None = None,
    idempotency_key: str = "",
    kind: str = "message",
    urgent: bool = False,
    ttl_seconds: int | None = None,
) -> Sent:
    """Store a message for an agent, `operator`, `manager` or `*`; it is durable when the transaction is.

    The same key from the same sender returns the first message. Raises `SendRefused`.
    """
    outgoing = Outgoing(sender, to, body, in_reply_to, idempotency_key, kind, urgent, ttl_seconds)
    with transaction.atomic():
        (result,) = store([outgoing], Directory.load())
        if isinstance(result, SendRefused):
            raise result
        transaction.on_commit(lambda: waking.tell(result.to))
    return result
