"""Text that PostgreSQL cannot hold: NUL, and halves of surrogate pairs in JSON. SQLite takes both.

What agents write ends up in logs, notes and files' contents; a character that shows as � is better than a job, or the
watch on containers, that cannot write its row.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb, JsonbDumper
from psycopg.types.string import StrDumperUnknown

_SHOWN = "\ufffd"


def install() -> None:
    """Have every connection that is made from now on replace such characters."""
    psycopg.adapters.register_dumper(str, _Text)
    psycopg.adapters.register_dumper(Jsonb, _Json)


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(clean(obj))


class _Json(JsonbDumper):
    def dump(self, obj: Jsonb) -> Any:
        return super().dump(Jsonb(_cleaned(obj.obj), obj.dumps))


def clean(text: str) -> str:
    """The text with what cannot be stored shown as �."""
    if "\0" in text:
        text = text.replace("\0", _SHOWN)
    if not text.isascii():
        text = "".join(_SHOWN if "\ud800" <= char <= "\udfff" else char for char in text) if _is_broken(text) else text
    return text


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
