"""Storing messages, many in one go. Everything here runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from agents.models import Change
from broker.models import Delivery, Message
from broker.policy import Directory
from broker.refusals import SendRefused
from broker.senders import Sender

MAX_BODY = 256 * 1024
MAX_KEY = 128
_MESSAGES, _DELIVERIES, _FEED = Message._meta.db_table, Delivery._meta.db_table, Change._meta.db_table


@dataclass(frozen=True)
class Outgoing:
    """A message that is to be sent. Raises `SendRefused` when it cannot be stored as it is."""

    sender: Sender
    to: str
    body: str
    in_reply_to: int | None = None
    idempotency_key: str = ""
    kind: str = "message"

    def __post_init__(self) -> None:
        try:
            size = len(self.body.encode())
            (self.to + self.idempotency_key).encode()
        except UnicodeEncodeError as error:
            raise SendRefused("the message holds half of a surrogate pair: it is no valid text") from error
        if size > MAX_BODY:
            raise SendRefused(f"the body has {size} bytes; at most {MAX_BODY} are taken: put the rest into /shared")
        if not self.body.strip():
            raise SendRefused("the body is empty")
        if "\0" in self.body + self.to + self.idempotency_key:
            raise SendRefused("the message holds a NUL character")
        if len(self.idempotency_key) > MAX_KEY:
            raise SendRefused(f"idempotency_key has more than {MAX_KEY} characters")


@dataclass(frozen=True)
class Sent:
    """A stored message. `refused` are those whom the policy kept a `*` from; `repeated` means: it was there before."""

    id: int
    to: tuple[str, ...]
    refused: tuple[str, ...] = ()
    repeated: bool = False


Stored = Sent | SendRefused


def store(batch: Sequence[Outgoing], directory: Directory) -> list[Stored]:
    """Store every message that may be sent, in order; the result says for each what became of it.

    Raises `DatabaseError` when a row is refused by the database: then store them one by one.
    """
    with connection.cursor() as cursor:
        first = _next_id(cursor)
        results: list[Stored] = []
        rows: list[tuple[int, Outgoing, Sent]] = []
        keys: dict[tuple[str, str, str], Sent] = {}
        for outgoing in batch:
            result = _repeat(cursor, outgoing, keys) or _addressed(cursor, outgoing, directory, first + len(rows))
            results.append(result)
            if isinstance(result, Sent) and not result.repeated:
                rows.append((result.id, outgoing, result))
                keys[_key(outgoing)] = result
        if rows:
            _insert(cursor, rows, timezone.now())
    return results


def _key(outgoing: Outgoing) -> tuple[str, str, str]:
    return outgoing.sender.provenance, outgoing.sender.address, outgoing.idempotency_key


def _repeat(cursor: CursorWrapper, outgoing: Outgoing, keys: dict[tuple[str, str, str], Sent]) -> Sent | None:
    if not outgoing.idempotency_key:
        return None
    if (sent := keys.get(_key(outgoing))) is not None:
        return Sent(sent.id, sent.to, sent.refused, repeated=True)
    cursor.execute(
        f"SELECT id FROM {_MESSAGES} WHERE provenance = %s AND sender = %s AND idempotency_key = %s"  # noqa: S608
        " AND idempotency_key > ''",
        _key(outgoing),
    )
    if (row := cursor.fetchone()) is None:
        return None
    cursor.execute(f"SELECT recipient FROM {_DELIVERIES} WHERE message_id = %s ORDER BY id", row)  # noqa: S608
    return Sent(row[0], tuple(name for (name,) in cursor.fetchall()), repeated=True)


def _addressed(cursor: CursorWrapper, outgoing: Outgoing, directory: Directory, ident: int) -> Stored:
    try:
        recipients, refused = directory.recipients(outgoing.sender, outgoing.to)
        if outgoing.in_reply_to is not None:
            _refuse_strange_reply(cursor, outgoing.sender, outgoing.in_reply_to)
    except SendRefused as refusal:
        return refusal
    return Sent(ident, tuple(recipients), tuple(refused))


def _refuse_strange_reply(cursor: CursorWrapper, sender: Sender, message: int) -> None:
    """An agent answers what it has sent or got; others answer what there is."""
    cursor.execute(f"SELECT sender FROM {_MESSAGES} WHERE id = %s", [message])  # noqa: S608
    row = cursor.fetchone()
    known = row is not None
    if known and sender.is_agent and row[0] != sender.address:
        cursor.execute(
            f"SELECT 1 FROM {_DELIVERIES} WHERE message_id = %s AND recipient = %s",  # noqa: S608
            [message, sender.address],
        )
        known = cursor.fetchone() is not None
    if not known:
        raise SendRefused(f"in_reply_to: {sender.address} neither got nor sent a message {message}")


def _next_id(cursor: CursorWrapper) -> int:
    """The next id of a message. Nobody else can take it: the transaction holds the write lock (IMMEDIATE)."""
    cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [_MESSAGES])
    row = cursor.fetchone()
    return (row[0] if row else 0) + 1


def _insert(cursor: CursorWrapper, rows: Iterable[tuple[int, Outgoing, Sent]], now: datetime) -> None:
    at = connection.ops.adapt_datetimefield_value(now)
    messages, deliveries, changes = [], [], []
    for ident, out, sent in rows:
        sender = out.sender
        messages.append(
            (ident, sender.provenance, sender.address, sender.author, out.kind, out.to, out.body, out.in_reply_to,
             out.idempotency_key, at)
        )  # fmt: skip
        deliveries.extend((ident, name) for name in sent.to)
        changes.append(("messages", str(ident), at))
        changes.extend(("deliveries", name, at) for name in sent.to)
    cursor.executemany(
        f'INSERT INTO {_MESSAGES} (id, provenance, sender, author, kind, "to", body, in_reply_to, idempotency_key,'  # noqa: S608
        " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        messages,
    )
    cursor.executemany(
        f"INSERT INTO {_DELIVERIES} (message_id, recipient, state, session, turn, pushed, redelivered, tries, error)"  # noqa: S608
        " VALUES (%s, %s, 'queued', '', '', false, false, 0, '')",
        deliveries,
    )
    cursor.executemany(f"INSERT INTO {_FEED} (topic, object_id, at) VALUES (%s, %s, %s)", changes)  # noqa: S608
