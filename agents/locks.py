"""Being alone on PostgreSQL where SQLite's one writer is alone anyway.

The order is always the same, so that no two transactions wait for each other: an agent's row, then a named lock.
"""

from __future__ import annotations

import zlib

from django.db import connection

from agents.models import Agent


def hold(agent: Agent) -> Agent:
    """Lock the agent's row until the transaction ends; returns it as it is now.

    Whoever else decides something about this agent waits, so what is read after this stays true.
    """
    return Agent.objects.select_for_update(no_key=True, of=("self",)).select_related("deployment").get(pk=agent.pk)


def alone(what: str) -> None:
    """Until the transaction ends nobody else is past this line with the same word."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(what.encode())])
