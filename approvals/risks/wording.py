"""How flags cite what an agent wrote: short, and with nothing in it that hides."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_LONGEST = 80
_MOST = 8


def cited(value: Any) -> str:
    """A value as JSON in ASCII: what cannot be seen is shown as an escape."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def named(text: str) -> str:
    """A name from outside: as it is where that is plain to see, else cited."""
    return text if text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST else cited(text)


def listed(parts: Iterable[str]) -> str:
    """`a, b and 3 more`; each part once, in the order given."""
    distinct = list(dict.fromkeys(parts))
    shown = ", ".join(distinct[:_MOST])
    return shown if len(distinct) <= _MOST else f"{shown} and {len(distinct) - _MOST} more"
