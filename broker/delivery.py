"""The life of a delivery: queued → leased to a session → acknowledged, or back to the front of the queue.

Turns that take a message and never end, because the agent vanishes, are counted; after `MAX_TRIES` the message is a
dead letter. What the agent or the hive gives back on purpose does not count.

Every function runs inside the caller's transaction. The states are literals so that SQLite takes the partial
indexes; a row is told apart by its recipient as well as its session, since that is what is indexed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from broker import deadletters, sql
from broker.leases import Leased, iso
from broker.models import Delivery, Message
from broker.refusals import NotLeased

_DELIVERIES, _MESSAGES = Delivery._meta.db_table, Message._meta.db_table
BATCH_BYTES = 1024 * 1024
MAX_ERROR = 500
MAX_TRIES = 5
_OLDEST = (
    "SELECT d.id, m.id, m.sender, m.provenance, m.kind, m.body, m.created_at, m.in_reply_to, d.redelivered,"  # noqa: S608
    " d.urgent"
    f" FROM {_DELIVERIES} d JOIN {_MESSAGES} m ON m.id = d.message_id"
    " WHERE d.recipient = %s AND d.state = 'queued' AND (d.expires_at IS NULL OR d.expires_at > %s)"
    " ORDER BY d.urgent DESC, d.id LIMIT %s"
)


_TO_QUEUE = "state = 'queued', session = '', turn = '', pushed = false, redelivered = true"
_UNCOUNTED = "tries = tries - CASE WHEN turn <> '' THEN 1 ELSE 0 END"


def lease(recipient: str, session: str, limit: int, *, turn: str = "", pushed: bool = True) -> list[Leased]:
    """Take up to `limit` queued messages for a session or its turn: urgent ones first, then the oldest.

    At most about a MiB of them.
    """
    if limit < 1:
        return []
    found = _queued(recipient, limit, sql.locking("d"))
    sql.change_many(
        f"UPDATE {_DELIVERIES} SET state = 'delivered', session = %s, turn = %s, pushed = %s, tries = tries + %s,"  # noqa: S608
        " delivered_at = %s WHERE id = %s",
        [(session, turn, pushed, int(turn != ""), sql.now(), delivery) for delivery, _ in found],
    )
    return [leased for _, leased in found]


def peek(recipient: str, limit: int) -> list[Leased]:
    """What would be leased next; it stays queued."""
    return [leased for _, leased in _queued(recipient, limit)]


def room(recipient: str, session: str, window: int) -> int:
    """How many more messages may be pushed to the session."""
    held = sql.row(
        f"SELECT count(*) FROM {_DELIVERIES} WHERE recipient = %s AND state = 'delivered' AND session = %s AND pushed",  # noqa: S608
        recipient,
        session,
    )
    return window - int(held[0] if held else 0)


def begin_turn(recipient: str, session: str, turn: str, messages: Sequence[int]) -> None:
    """The turn has taken these messages. Raises `NotLeased` when one is not leased to the session."""
    wanted = dict.fromkeys(messages)
    for some in _slices(list(wanted)):
        marks = ", ".join(["%s"] * len(some))
        taken = _update("turn = %s, tries = tries + 1",
                        f"state = 'delivered' AND session = %s AND message_id IN ({marks})",
                        recipient, [turn], [session, *some])  # fmt: skip
        if taken != len(some):
            raise NotLeased(f"message {_missing(recipient, session, some)} is not leased to this connection")


def acknowledge_turn(recipient: str, session: str, turn: str, error: str = "") -> int:
    """The turn is over: its messages are done with. Returns how many they were."""
    now = sql.now()
    return _update(
        "state = 'acknowledged', acknowledged_at = %s, error = %s",
        "state = 'delivered' AND session = %s AND turn = %s",
        recipient, [now, error[:MAX_ERROR]], [session, turn],
    )  # fmt: skip


def requeue_turn(recipient: str, session: str, turn: str) -> int:
    """The turn could not be done: its messages go back to the front of the queue."""
    return _back("state = 'delivered' AND session = %s AND turn = %s", recipient, [session, turn], counted=False)


def release(recipient: str, session: str, *, counted: bool = True) -> int:
    """The session has ended: what it had goes back to the front of the queue, or is dead after too many tries.

    It does not count where the hive has ended the session.
    """
    return _back("state = 'delivered' AND session = %s", recipient, [session], counted=counted)


def release_others(recipient: str, session: str) -> int:
    """A session has begun: what any other of the same recipient had goes back to the front of the queue."""
    return _back("state = 'delivered' AND session <> %s", recipient, [session], counted=True)


def hand_back(recipient: str, session: str, messages: Sequence[int]) -> int:
    """Undo a lease that its taker never saw, even where its turn has ended meanwhile: nothing was delivered."""
    return sum(
        _update("state = 'queued', session = '', turn = '', pushed = false, tries = tries - 1, delivered_at = NULL",
                "state <> 'queued' AND session = %s AND message_id = %s", recipient, [], [session, message])
        for message in messages
    )  # fmt: skip


def release_all() -> int:
    """The web process starts: no session is left, whatever was leased goes back to the front of its queue.

    The hive's own end is no try of the message's.
    """
    return sql.change(f"UPDATE {_DELIVERIES} SET {_TO_QUEUE}, {_UNCOUNTED} WHERE state = 'delivered' AND session <> ''")  # noqa: S608


def _queued(recipient: str, limit: int, locking: str = "") -> list[tuple[int, Leased]]:
    found, size = [], 0
    waiting = sql.rows(_OLDEST + locking, recipient, sql.now(), limit)
    for delivery, ident, sender, provenance, kind, body, at, reply, again, urgent in waiting:
        leased = Leased(ident, sender, provenance, kind, body, iso(at), reply, bool(again), bool(urgent))
        found.append((delivery, leased))
        size += len(body)
        if size > BATCH_BYTES:
            break
    return found


def _slices(messages: list[int]) -> Iterator[list[int]]:
    """In powers of two, so that there are few statements to be prepared."""
    at = 0
    while at < len(messages):
        size = 1 << min((len(messages) - at).bit_length() - 1, 6)
        yield messages[at : at + size]
        at += size


def _missing(recipient: str, session: str, messages: Sequence[int]) -> int:
    """The first of these messages that is not leased to the session."""
    leased = sql.rows(
        f"SELECT message_id FROM {_DELIVERIES} WHERE recipient = %s AND state = 'delivered' AND session = %s",  # noqa: S608
        recipient, session,
    )  # fmt: skip
    held = {message for (message,) in leased}
    return next(message for message in messages if message not in held)


def _back(where: str, recipient: str, values: list[object], *, counted: bool) -> int:
    if not counted:
        return _update(f"{_TO_QUEUE}, {_UNCOUNTED}", where, recipient, [], values)
    worn = sql.rows(
        f"SELECT id FROM {_DELIVERIES} WHERE recipient = %s AND {where} AND turn <> '' AND tries >= %s",  # noqa: S608
        recipient, *values, MAX_TRIES,
    )  # fmt: skip
    dead = deadletters.bury([ident for (ident,) in worn], f"{MAX_TRIES} turns that took it never ended")
    return dead + _update(_TO_QUEUE, where, recipient, [], values)


def _update(change: str, where: str, recipient: str, new: Sequence[object], values: Sequence[object]) -> int:
    statement = f"UPDATE {_DELIVERIES} SET {change} WHERE recipient = %s AND {where}"  # noqa: S608
    return sql.change(statement, *new, recipient, *values)
