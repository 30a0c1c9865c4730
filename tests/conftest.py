from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection


@pytest.fixture(scope="session", autouse=True)
def _tests_may_empty_the_audit_log() -> Iterator[None]:
    """Tests that commit are cleaned up by emptying every table, which the audit log's triggers rightly refuse."""
    ops: Any = connection.ops
    original = ops.sql_flush

    def sql_flush(*args: Any, **kwargs: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'")
            triggers = dict(cursor.fetchall())
        drops = [f"DROP TRIGGER {name}" for name in triggers]
        return [*drops, *original(*args, **kwargs), *triggers.values()]

    ops.sql_flush = sql_flush
    yield
    del ops.sql_flush
