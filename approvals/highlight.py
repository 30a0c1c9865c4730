"""Source as lines of HTML, coloured by class names: Pygments finds the tokens, the style sheet has the colours."""

from __future__ import annotations

from collections.abc import Iterator

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

MAX_COLOURED = 100_000
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
_UNCOLOURED = frozenset({"", "w", "n", "p", "err", "x"})


def lines(text: str, path: str) -> list[SafeString]:
    """One piece of HTML for each line of `text.split("\\n")`."""
    return [_line(pieces) for pieces in _by_line(_tokens(text, path))]


def _tokens(text: str, path: str) -> list[tuple[_TokenType, str]]:
    lexer = _LEXERS.get(path.rpartition(".")[2])
    if lexer is None or len(text) > MAX_COLOURED:
        return [(Token.Text, text)]
    # get_tokens() would change line ends and drop a byte order mark: the reader is to see them.
    tokens = [(kind, value) for _, kind, value in lexer().get_tokens_unprocessed(text)]
    return tokens if "".join(value for _, value in tokens) == text else [(Token.Text, text)]


def _by_line(tokens: list[tuple[_TokenType, str]]) -> Iterator[list[tuple[str, str]]]:
    line: list[tuple[str, str]] = []
    for kind, value in tokens:
        first, *rest = value.split("\n")
        line.append((_class(kind), first))
        for part in rest:
            yield line
            line = [(_class(kind), part)]
    yield line


def _line(pieces: list[tuple[str, str]]) -> SafeString:
    room, html = MAX_LINE, SafeString("")
    for name, value in pieces:
        shown = visible.code(value[:room])
        html += format_html('<span class="c-{}">{}</span>', name, shown) if name and shown else shown
        room -= len(value)
        if room < 0:
            break
    left = sum(len(value) for _, value in pieces) - MAX_LINE
    if left > 0:
        html += format_html('<span class="unseen">{} more characters on this line</span>', left)
    return mark_safe(html)  # noqa: S308 - put together from escaped pieces


def _class(kind: _TokenType) -> str:
    """The short class name of a token: its own, or that of the nearest kind above it; "" for plain text."""
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return "" if name in _UNCOLOURED else name
