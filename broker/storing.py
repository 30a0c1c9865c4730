"""Storing messages, many in one go. Everything here runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from django.utils import timezone

from agents.models import Change
from broker import sql
from broker.leases import Leased, iso
from broker.models import Delivery, Message
from broker.policy import Directory
from broker.refusals import SendRefused
from broker.senders import Sender

MAX_BODY = 256 * 1024
MAX_KEY = 128
_MESSAGES, _DELIVERIES, _FEED = Message._meta.db_table, Delivery._meta.db_table, Change._meta.db_table
_NEW_MESSAGES = sql.Table(
    _MESSAGES,
    {
        "id": "bigint", "provenance": "text", "sender": "text", "author": "text", "kind": "text", "to": "text",
        "body": "text", "in_reply_to": "bigint", "idempotency_key": "text", "created_at": "timestamptz",
    },
)  # fmt: skip
_NEW_DELIVERIES = sql.Table(
    _DELIVERIES,
    {"message_id": "bigint", "recipient": "text", "urgent": "boolean", "expires_at": "timestamptz"},
    {
        "state": "'queued'", "session": "''", "turn": "''", "pushed": "false", "redelivered": "false",
        "tries": "0", "error": "''",
    },
)  # fmt: skip
_LEASED_DELIVERIES = sql.Table(
    _DELIVERIES,
    {
        "message_id": "bigint", "recipient": "text", "urgent": "boolean", "expires_at": "timestamptz",
        "session": "text", "delivered_at": "timestamptz",
    },
    {"state": "'delivered'", "turn": "''", "pushed": "true", "redelivered": "false", "tries": "0", "error": "''"},
)  # fmt: skip
_NEW_CHANGES = sql.Table(_FEED, {"topic": "text", "object_id": "text", "at": "timestamptz"})
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Outgoing:
    """A message that is to be sent. Raises `SendRefused` when it cannot be stored as it is."""

    sender: Sender
    to: str
    body: str
    in_reply_to: int | None = None
    idempotency_key: str = ""
    kind: str = "message"
    urgent: bool = False
    ttl_seconds: int | None = None

    def __post_init__(self) -> None:
        try:
            size = len(self.body) if self.body.isascii() else len(self.body.encode())
            (self.to + self.idempotency_key).encode()
        except UnicodeEncodeError as error:
            raise SendRefused("the message holds half of a surrogate pair: it is no valid text") from error
        if size > MAX_BODY:
            raise SendRefused(f"the body has {size} bytes; at most {MAX_BODY} are taken: put the rest into /shared")
        if not self.body.strip():
            raise SendRefused("the body is empty")
        if "\0" in self.body or "\0" in self.to or "\0" in self.idempotency_key:
            raise SendRefused("the message holds a NUL character")
        if len(self.idempotency_key) > MAX_KEY:
            raise SendRefused(f"idempotency_key has more than {MAX_KEY} characters")
        if self.urgent and self.ttl_seconds is not None:
            raise SendRefused("an urgent message does not expire: leave out ttl_seconds, or urgent")


class Sent(NamedTuple):
    """A stored message. `refused` are those whom the policy kept a `*` from; `repeated` means: it was there before."""

    id: int
    to: tuple[str, ...]
    refused: tuple[str, ...] = ()
    repeated: bool = False


Stored = Sent | SendRefused


class Seats(Protocol):
    """Sessions that new messages may go to without waiting in the queue."""

    def take(self, recipient: str) -> str | None:
        """The session that takes one more message of this recipient now, before any that waits; None to queue it."""

    def taken(self, recipient: str, leased: Leased) -> None:
        """The message is leased to that session by the same transaction."""


def store(batch: Sequence[Outgoing], directory: Directory, seats: Seats | None = None) -> list[Stored]:
    """Store every message that may be sent, in order; the result says for each what became of it.

    Raises `DatabaseError` when a row is refused by the database: then store them one by one.
    """
    ids = sql.ids(_MESSAGES, len(batch))
    results: list[Stored] = []
    rows: list[tuple[Outgoing, Sent]] = []
    keys: dict[Key, Sent] = {}
    for outgoing in batch:
        result = _repeat(outgoing, keys) or _addressed(outgoing, directory, ids[len(rows)])
        results.append(result)
        if isinstance(result, Sent) and not result.repeated:
            rows.append((outgoing, result))
            keys[_key(outgoing)] = result
    _insert(rows, seats)
    return results


def _key(outgoing: Outgoing) -> Key:
    return outgoing.sender.provenance, outgoing.sender.address, outgoing.idempotency_key


def _repeat(outgoing: Outgoing, keys: dict[Key, Sent]) -> Sent | None:
    if not outgoing.idempotency_key:
        return None
    if (sent := keys.get(_key(outgoing))) is not None:
        return Sent(sent.id, sent.to, sent.refused, repeated=True)
    found = sql.row(
        f"SELECT id FROM {_MESSAGES} WHERE provenance = %s AND sender = %s AND idempotency_key = %s"  # noqa: S608
        " AND idempotency_key > ''",
        *_key(outgoing),
    )
    if found is None:
        return None
    names = sql.rows(f"SELECT recipient FROM {_DELIVERIES} WHERE message_id = %s ORDER BY id", found[0])  # noqa: S608
    return Sent(found[0], tuple(name for (name,) in names), repeated=True)


def _addressed(outgoing: Outgoing, directory: Directory, ident: int) -> Stored:
    try:
        recipients, refused = directory.recipients(outgoing.sender, outgoing.to)
        if outgoing.in_reply_to is not None:
            _refuse_strange_reply(outgoing.sender, outgoing.in_reply_to)
    except SendRefused as refusal:
        return refusal
    return Sent(ident, tuple(recipients), tuple(refused))


def _refuse_strange_reply(sender: Sender, message: int) -> None:
    """An agent answers what it has sent or got; others answer what there is."""
    found = sql.row(f"SELECT sender FROM {_MESSAGES} WHERE id = %s", message)  # noqa: S608
    if found is not None and sender.is_agent and found[0] != sender.address:
        got = f"SELECT 1 FROM {_DELIVERIES} WHERE message_id = %s AND recipient = %s"  # noqa: S608
        found = sql.row(got, message, sender.address)
    if found is None:
        raise SendRefused(f"in_reply_to: {sender.address} neither got nor sent a message {message}")


def _insert(rows: Sequence[tuple[Outgoing, Sent]], seats: Seats | None) -> None:
    now = timezone.now()
    at = sql.moment(now)
    queued: list[sql.Row] = []
    leased: list[sql.Row] = []
    recipients: dict[str, None] = {}
    for outgoing, sent in rows:
        expiry = _expiry(outgoing, now)
        for name in sent.to:
            recipients[name] = None
            session = seats.take(name) if seats is not None else None
            if session is None or seats is None:
                queued.append((sent.id, name, outgoing.urgent, expiry))
            else:
                leased.append((sent.id, name, outgoing.urgent, expiry, session, at))
                seats.taken(name, _as_leased(outgoing, sent.id, at))
    changes = [("messages", str(sent.id), at) for _, sent in rows] + [("deliveries", name, at) for name in recipients]
    sql.insert(_NEW_MESSAGES, [_message(outgoing, sent, at) for outgoing, sent in rows])
    sql.insert(_NEW_DELIVERIES, queued)
    sql.insert(_LEASED_DELIVERIES, leased)
    sql.insert(_NEW_CHANGES, changes)


def _as_leased(outgoing: Outgoing, ident: int, at: object) -> Leased:
    sender = outgoing.sender
    return Leased(
        ident, sender.address, sender.provenance, outgoing.kind, outgoing.body, iso(at), outgoing.in_reply_to,
        redelivered=False, urgent=outgoing.urgent,
    )  # fmt: skip


def _expiry(outgoing: Outgoing, now: datetime) -> object:
    if outgoing.ttl_seconds is None:
        return None
    return sql.moment(now + timedelta(seconds=outgoing.ttl_seconds))


def _message(outgoing: Outgoing, sent: Sent, at: object) -> tuple[object, ...]:
    sender = outgoing.sender
    return (
        sent.id, sender.provenance, sender.address, sender.author, outgoing.kind, outgoing.to, outgoing.body,
        outgoing.in_reply_to, outgoing.idempotency_key, at,
    )  # fmt: skip
