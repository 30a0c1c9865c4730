"""The search index on PostgreSQL: a row of words (tsvector) and parties for each message.

Words are taken apart here, the way FTS5 does it, so that both databases find the same: letters and digits, without
case and accents. PostgreSQL's own parser would keep an address or a path whole.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from broker import sql
from broker.models import Delivery, Message

if TYPE_CHECKING:
    from broker.search import Query

_INDEX = "broker_message_search"
_MESSAGES, _DELIVERIES = Message._meta.db_table, Delivery._meta.db_table
# A message may be committed after one with a higher id: so far back one that is missing is looked for.
_LATE = 1000
_MISSING = (
    f" FROM {_MESSAGES} m WHERE m.id > (SELECT coalesce(max(id), 0) - {_LATE} FROM {_INDEX})"  # noqa: S608
    f" AND NOT EXISTS (SELECT 1 FROM {_INDEX} s WHERE s.id = m.id)"
)


class PostgresqlIndex:
    def is_behind(self) -> bool:
        return sql.row(f"SELECT 1{_MISSING} LIMIT 1") is not None

    def take_up(self, most: int) -> int:
        found = list(sql.rows(f"SELECT m.id, m.sender, m.body{_MISSING} ORDER BY m.id LIMIT %s", most))
        sql.change_many(
            f"INSERT INTO {_INDEX} (id, words, parties) VALUES (%s, to_tsvector('simple', %s), %s)"  # noqa: S608
            " ON CONFLICT (id) DO NOTHING",
            list(_rows(found)),
        )
        return len(found)

    def remove(self, messages: Sequence[int]) -> None:
        sql.change(f"DELETE FROM {_INDEX} WHERE id = ANY(%s)", list(messages))  # noqa: S608

    def find(self, query: Query) -> list[int]:
        """Newest first."""
        words = [_asked(word) for word in query.words]
        conditions = [f"words @@ {function}('simple', %s)" for function, _ in words] + ["id < %s"]
        values: list[object] = [text for _, text in words]
        values.append(query.before if query.before is not None else 2**62)
        if query.party is not None:
            conditions.append("parties @> ARRAY[%s]::text[]")
            values.append(query.party)
        where = " AND ".join(conditions)
        found = sql.rows(f"SELECT id FROM {_INDEX} WHERE {where} ORDER BY id DESC LIMIT %s", *values, query.limit)  # noqa: S608
        return [ident for (ident,) in found]


def _rows(found: Iterable[sql.Row]) -> Iterable[sql.Row]:
    ways = f"SELECT recipient FROM {_DELIVERIES} WHERE message_id = %s"  # noqa: S608
    for ident, sender, body in found:
        yield ident, _plain(body), sorted({sender, *(name for (name,) in sql.rows(ways, ident))})


def _asked(word: str) -> tuple[str, str]:
    """A function that makes a query, and the text for it: several words are a phrase, `*` marks a beginning."""
    plain = _plain(word).strip()
    return ("to_tsquery", f"'{plain}':*") if word.endswith("*") else ("phraseto_tsquery", plain)


def _plain(text: str) -> str:
    """Letters and digits in small letters without accents, everything else a space."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char if char.isalnum() else "" if unicodedata.combining(char) else " " for char in apart)
