"""Full-text search over messages: the operator over all, an agent over what it sent or was sent.

The index is brought up to date by whoever searches and by the worker now and then, not by whoever sends: sending
stays as fast as it is. What the index is depends on the database: `_Sqlite` is FTS5's. Newest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from broker import sql
from broker.models import Delivery, Message
from broker.refusals import Refused
from broker.search_postgresql import PostgresqlIndex

MAX_QUERY, MAX_WORDS = 200, 16
INDEX = "broker_message_search"
_MESSAGES, _DELIVERIES = Message._meta.db_table, Delivery._meta.db_table
_STEP = 500


class QueryRefused(Refused):
    """What is searched for makes no sense; the text says why."""


@dataclass(frozen=True)
class Query:
    """`words` must all be there; one that ends in `*` is a beginning. `party` is whose messages are looked through."""

    words: tuple[str, ...]
    party: str | None = None
    before: int | None = None
    limit: int = 20


def parse(text: str) -> tuple[str, ...]:
    """The words and "quoted phrases" of a query. Raises `QueryRefused`."""
    if len(text) > MAX_QUERY:
        raise QueryRefused(f"a query has at most {MAX_QUERY} characters")
    words: list[str] = []
    for number, part in enumerate(text.replace("\0", " ").split('"')):
        words += [part.strip()] if number % 2 else part.split()
    found = tuple(word for word in words if any(char.isalnum() for char in word))
    if not found:
        raise QueryRefused("say what to search for: one word at least")
    if len(found) > MAX_WORDS:
        raise QueryRefused(f"a query has at most {MAX_WORDS} words")
    return found


def ids(query: Query) -> list[int]:
    """The ids of the messages that match, newest first."""
    catch_up()
    return _index().find(query)


def catch_up() -> int:
    """Take up what was said since the index was last brought up to date. Returns how many messages that were."""
    taken = 0
    while (step := _step()) > 0:
        taken += step
    return taken


def is_behind() -> bool:
    """Whether the index lacks something."""
    return _index().is_behind()


def forget(messages: Sequence[int]) -> None:
    """Before these messages are deleted: take them out of the index."""
    _index().remove(messages)


def _index() -> _Sqlite | PostgresqlIndex:
    return _Sqlite() if sql.is_sqlite() else PostgresqlIndex()


def _step() -> int:
    index = _index()
    if not index.is_behind():
        return 0
    with transaction.atomic():
        return index.take_up(_STEP)


class _Sqlite:
    """An FTS5 table without contents of its own: a row is body and parties of the message of the same id."""

    def is_behind(self) -> bool:
        newest = sql.row(f"SELECT max(id) FROM {_MESSAGES}")  # noqa: S608
        return ((newest or (0,))[0] or 0) > self._last()

    def take_up(self, most: int) -> int:
        found = list(
            sql.rows(f"SELECT id, sender, body FROM {_MESSAGES} WHERE id > %s ORDER BY id LIMIT %s", self._last(), most)  # noqa: S608
        )
        insert = f"INSERT INTO {INDEX} (rowid, body, parties) VALUES (%s, %s, %s)"  # noqa: S608
        sql.change_many(insert, list(self._rows(found)))
        return len(found)

    def remove(self, messages: Sequence[int]) -> None:
        found = []
        for ident in messages:
            indexed = sql.row(f"SELECT 1 FROM {INDEX}_docsize WHERE id = %s", ident)  # noqa: S608
            row = sql.row(f"SELECT id, sender, body FROM {_MESSAGES} WHERE id = %s", ident)  # noqa: S608
            found += [row] if indexed and row else []
        delete = f"INSERT INTO {INDEX} ({INDEX}, rowid, body, parties) VALUES ('delete', %s, %s, %s)"  # noqa: S608
        sql.change_many(delete, list(self._rows(found)))

    def find(self, query: Query) -> list[int]:
        before = query.before if query.before is not None else 2**62
        found = sql.rows(
            f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s AND rowid < %s ORDER BY rowid DESC LIMIT %s",  # noqa: S608
            self._match(query), before, query.limit,
        )  # fmt: skip
        return [ident for (ident,) in found]

    def _match(self, query: Query) -> str:
        words = " AND ".join(_quoted(word) for word in query.words)
        body = f"body : ({words})"
        return body if query.party is None else f"parties : {_token(query.party)} AND {body}"

    def _last(self) -> int:
        """The newest message that is indexed."""
        newest = sql.row(f"SELECT max(id) FROM {INDEX}_docsize")  # noqa: S608
        return int((newest or (0,))[0] or 0)

    def _rows(self, found: Iterable[sql.Row]) -> Iterable[sql.Row]:
        ways = f"SELECT recipient FROM {_DELIVERIES} WHERE message_id = %s"  # noqa: S608
        for ident, sender, body in found:
            parties = {sender, *(name for (name,) in sql.rows(ways, ident))}
            yield ident, body, " ".join(_token(name) for name in sorted(parties))


def _quoted(word: str) -> str:
    """A word or phrase as FTS5 reads it: nothing in it is an operator."""
    beginning = word.endswith("*")
    text = '"' + word.rstrip("*").replace('"', '""') + '"'
    return f"{text}*" if beginning else text


def _token(name: str) -> str:
    """A name as one word of the index, whatever characters it has."""
    return f"x{name.encode().hex()}"
