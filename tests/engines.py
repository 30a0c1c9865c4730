"""What tests do to the database itself, in the words of whichever engine they run on."""

from __future__ import annotations

from django.db import connection


def execute(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def drop_trigger(name: str, table: str) -> None:
    execute(f"DROP TRIGGER {name}" if is_sqlite() else f"DROP TRIGGER {name} ON {table}")


def refuse_poison() -> None:
    """From here on the database refuses a message whose body is `poison`."""
    if is_sqlite():
        execute(
            "CREATE TRIGGER no_poison BEFORE INSERT ON broker_message WHEN NEW.body = 'poison'"
            " BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        )
    else:
        execute("ALTER TABLE broker_message ADD CONSTRAINT no_poison CHECK (body <> 'poison')")


def plan(query: str) -> str:
    """How the engine would run a query on tables as large as a busy hive's."""
    if is_sqlite():
        return " ".join(map(str, execute(f"EXPLAIN QUERY PLAN {query}")))
    execute("SET LOCAL enable_seqscan = off")
    execute("SET LOCAL enable_bitmapscan = off")
    return " ".join(map(str, execute(f"EXPLAIN {query}")))
