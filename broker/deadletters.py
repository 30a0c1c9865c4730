"""Dead letters: messages that could not be delivered. Sender and operator are told why; the operator decides.

An agent that sent one is told by a message of kind `dead_letter`, the operator by the attention queue; retrying puts
the message back where it was in the queue, discarding ends it. Everything runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from agents import feed, naming
from broker import sql, waking
from broker.models import Delivery, Message
from broker.policy import Directory
from broker.senders import Sender
from broker.storing import Outgoing, Sent, store

_DELIVERIES = Delivery._meta.db_table
_SHOWN = 200
_AT_ONCE = 500
State = Delivery.State


def waiting() -> QuerySet[Delivery]:
    """Dead letters that nobody has decided about, the oldest first."""
    return Delivery.objects.filter(state=State.DEAD).select_related("message").order_by("id")


def count() -> int:
    """How many wait for a decision; from the partial index alone."""
    found = sql.row(f"SELECT count(*) FROM {_DELIVERIES} WHERE state = 'dead'")  # noqa: S608
    return int(found[0]) if found else 0


def bury(deliveries: Sequence[int], why: str) -> int:
    """Make these deliveries dead letters, and tell who sent them. Returns how many they were."""
    if not deliveries:
        return 0
    statement = (
        f"UPDATE {_DELIVERIES} SET state = 'dead', session = '', turn = '', pushed = false, error = %s,"  # noqa: S608
        " acknowledged_at = %s WHERE id = %s"
    )
    sql.change_many(statement, [(why[:500], sql.now(), ident) for ident in deliveries])
    for delivery in Delivery.objects.filter(pk__in=deliveries).select_related("message").order_by("id"):
        _tell(delivery)
    feed.publish("operator")
    return len(deliveries)


def expire_due(now: datetime) -> int:
    """Bury what has waited longer than its sender wanted, some hundreds at most. Returns how many they were."""
    with transaction.atomic():
        found = sql.rows(
            f"SELECT id FROM {_DELIVERIES} WHERE state = 'queued' AND expires_at <= %s ORDER BY expires_at LIMIT %s",  # noqa: S608
            sql.moment(now), _AT_ONCE,
        )  # fmt: skip
        return bury([ident for (ident,) in found], "it expired before it could be delivered")


def next_expiry() -> datetime | None:
    """When the next waiting message expires."""
    found = sql.row(
        f"SELECT min(expires_at) FROM {_DELIVERIES} WHERE state = 'queued' AND expires_at IS NOT NULL"  # noqa: S608
    )
    return sql.time(found[0]) if found else None


def recipient_gone(name: str) -> int:
    """Everything of this agent was removed: nobody will ever read what still waits for it."""
    left = Delivery.objects.filter(recipient=name, state__in=[State.QUEUED, State.DELIVERED])
    return bury(list(left.order_by("id").values_list("pk", flat=True)), f"{name} was removed with all its state")


def retry(delivery: int) -> bool:
    """Put a dead letter back into its queue, without its tries and its expiry. False when it is none any more."""
    with transaction.atomic():
        recipients = list(Delivery.objects.filter(pk=delivery, state=State.DEAD).values_list("recipient", flat=True))
        changed = Delivery.objects.filter(pk=delivery, state=State.DEAD).update(
            state=State.QUEUED, tries=0, redelivered=True, expires_at=None, error="", acknowledged_at=None
        )
        if changed:
            feed.publish("operator")
            feed.publish("deliveries", recipients[0])
            transaction.on_commit(lambda: waking.tell(recipients))
    return bool(changed)


def discard(delivery: int) -> bool:
    """Give a dead letter up. False when it is none any more."""
    with transaction.atomic():
        changed = Delivery.objects.filter(pk=delivery, state=State.DEAD).update(state=State.DISCARDED)
        if changed:
            feed.publish("operator")
    return bool(changed)


def _tell(delivery: Delivery) -> None:
    """An agent that sent it hears of it, if it still can; everybody else looks at the attention queue."""
    message = delivery.message
    if message.provenance != Message.Provenance.AGENT or message.sender == delivery.recipient:
        return
    line = message.body.strip().partition("\n")[0][:_SHOWN]
    recipient = "the manager" if naming.is_manager(delivery.recipient) else delivery.recipient
    text = f"Message {message.pk} to {recipient} was not delivered: {delivery.error}. It began: {line}"
    outgoing = Outgoing(Sender.system(), message.sender, text, message.pk, kind="dead_letter")
    (sent,) = store([outgoing], Directory.load())
    if isinstance(sent, Sent):
        transaction.on_commit(lambda: waking.tell(sent.to))
