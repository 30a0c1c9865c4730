"""Source as lines of HTML, coloured by class names: Pygments finds the tokens, the style sheet has the colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from pygments.lexer import Lexer
from pygments.lexers.configs import TOMLLexer
from pygments.lexers.data import JsonLexer, YamlLexer
from pygments.lexers.nix import NixLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.shell import BashLexer
from pygments.token import STANDARD_TYPES, Token, _TokenType

from agents import visible

MAX_COLOURED = 400_000
MAX_LINE = 2_000
_LEXERS: dict[str, type[Lexer]] = {
    "nix": NixLexer,
    "py": PythonLexer,
    "sh": BashLexer,
    "json": JsonLexer,
    "yaml": YamlLexer,
    "yml": YamlLexer,
    "toml": TOMLLexer,
}
_HARMLESS = re.compile(r"[ \t!#-%(-;=?-~]*")
"""Printable ASCII without & < > and quotes."""
_UNCOLOURED = frozenset({"", "w", "n", "p", "err", "x"})


Pieces = list[tuple[str, str]]
"""A line as (class name, text)."""


def lines(text: str, path: str) -> list[SafeString]:
    """One piece of HTML for each line of `text.split("\\n")`."""
    return [html(pieces) for pieces in pieces_by_line(text, path)]


@lru_cache(maxsize=8)
def pieces_by_line(text: str, path: str) -> list[Pieces]:
    """The lines of `text.split("\\n")`, to be given to `html` where they are shown."""
    return list(_by_line(_tokens(text, path)))


def _tokens(text: str, path: str) -> list[tuple[_TokenType, str]]:
    lexer = _LEXERS.get(path.rpartition(".")[2])
    if lexer is None or len(text) > MAX_COLOURED:
        return [(Token.Text, text)]
    # get_tokens() would change line ends and drop a byte order mark: the reader is to see them.
    tokens = [(kind, value) for _, kind, value in lexer().get_tokens_unprocessed(text)]
    return tokens if "".join(value for _, value in tokens) == text else [(Token.Text, text)]


def _by_line(tokens: list[tuple[_TokenType, str]]) -> Iterator[Pieces]:
    line: Pieces = []
    for kind, value in tokens:
        first, *rest = value.split("\n")
        line.append((_class(kind), first))
        for part in rest:
            yield line
            line = [(_class(kind), part)]
    yield line


def html(pieces: Pieces) -> SafeString:
    """A line as HTML; of a very long one the beginning."""
    room, made = MAX_LINE, []
    for name, value in pieces:
        shown = _shown(value[:room])
        made.append(f'<span class="c-{name}">{shown}</span>' if name and shown else shown)
        room -= len(value)
        if room < 0:
            left = sum(len(text) for _, text in pieces) - MAX_LINE
            made.append(format_html('<span class="unseen">{} more characters on this line</span>', left))
            break
    return mark_safe("".join(made))  # noqa: S308 - put together from escaped pieces


def _shown(text: str) -> str:
    """Escaped; most pieces need nothing of that, and looking is quicker than doing it."""
    return text if _HARMLESS.fullmatch(text) else visible.code(text)


@cache
def _class(kind: _TokenType) -> str:
    """The short class name of a token: its own, or that of the nearest kind above it; "" for plain text."""
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return "" if name in _UNCOLOURED else name
