"""A message as a session gets it."""

from __future__ import annotations

from typing import NamedTuple


class Leased(NamedTuple):
    """A message handed to a session."""

    id: int
    sender: str
    provenance: str
    kind: str
    body: str
    created_at: str
    in_reply_to: int | None
    redelivered: bool
    urgent: bool


def iso(at: object) -> str:
    """ISO 8601 with the zone: databases hold UTC, SQLite as text."""
    return str(at).replace(" ", "T", 1) + ("" if str(at).endswith("+00:00") else "+00:00")
