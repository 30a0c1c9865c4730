"""The operator's side of Django's admin: accounts, receivers of notices, tokens."""

from __future__ import annotations

from hiveproject.admin import accounts, reach, tokens

__all__ = ["accounts", "reach", "tokens"]
