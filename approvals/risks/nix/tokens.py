"""Pieces of Nix text."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    WORD = "word"
    NUMBER = "number"
    PATH = "path"
    SEARCH = "search"
    URI = "uri"
    OPERATOR = "operator"
    STRING = "string"  # a whole one, unescaped, without interpolation
    OPEN = "open"  # of a string or path with interpolation; then TEXT and INTERPOLATION … END, then CLOSE
    TEXT = "text"
    CLOSE = "close"
    INTERPOLATION = "${"
    END = "}"


class Token(NamedTuple):
    kind: Kind
    text: str
    line: int

    def is_op(self, *texts: str) -> bool:
        return self.kind is Kind.OPERATOR and self.text in texts

    def is_word(self, *texts: str) -> bool:
        return self.kind is Kind.WORD and self.text in texts


def whole(tokens: list[Token]) -> list[Token]:
    """Strings without interpolation as one token each."""
    joined: list[Token] = []
    opened: int | None = None
    for token in tokens:
        if token.kind is Kind.CLOSE and opened is not None:
            text = "".join(piece.text for piece in joined[opened + 1 :])
            joined[opened:] = [Token(Kind.STRING, text, joined[opened].line)]
            opened = None
            continue
        if token.kind is Kind.OPEN and token.text != "path":
            opened = len(joined)
        elif token.kind is not Kind.TEXT:
            opened = None
        joined.append(token)
    return joined
