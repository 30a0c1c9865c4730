"""The small JSON texts beside the bytes, from a browser and from a shell; both are checked alike."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST = 4096
MOST_COLUMNS, MOST_ROWS = 1000, 500
_ID = re.compile(r"[0-9a-f]{32}")


class NotUnderstood(Exception):
    """The text says what was wrong."""


def read(text: str) -> dict[str, Any]:
    """Raises `NotUnderstood`."""
    if len(text) > LONGEST:
        raise NotUnderstood("the text is too long")
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("the text is not JSON") from error
    if not isinstance(words, dict):
        raise NotUnderstood("the text is no JSON object")
    return words


def size(value: object) -> tuple[int, int]:
    """Columns and rows. Raises `NotUnderstood`."""
    if isinstance(value, list) and len(value) == 2 and all(type(number) is int for number in value):
        columns, rows = value
        if 1 <= columns <= MOST_COLUMNS and 1 <= rows <= MOST_ROWS:
            return columns, rows
    raise NotUnderstood(f"a size is [columns, rows], at most [{MOST_COLUMNS}, {MOST_ROWS}]")


def room_id(value: object) -> str:
    """Raises `NotUnderstood`."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise NotUnderstood("that is no terminal's id")
