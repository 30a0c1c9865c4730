"""Nix text as tokens, as Nix itself reads it (the rules of its own lexer, nix/src/libexpr/lexer.l).

Any text gives tokens: what Nix would refuse comes out as operators of one character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from approvals.risks.nix import grammar
from approvals.risks.nix.tokens import Kind, Token, whole


def tokenize(text: str) -> list[Token]:
    """Tokens without blanks and comments."""
    return whole(_Lexer(text).run())


class _Lexer:
    """`modes` is the stack of what is open: `{` and `${` for code, then strings and paths."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.modes: list[str] = []
        self.tokens: list[Token] = []
        self._run_end = self._scheme_end = 0
        self._comments_end = True

    def run(self) -> list[Token]:
        readers = {'"': self._string, "''": self._indented, "path": self._path_rest}
        while self.at < len(self.text):
            readers.get(self.modes[-1] if self.modes else "", self._code)()
        return self.tokens

    def _take(self, kind: Kind, end: int, value: str | None = None) -> None:
        taken = self.text[self.at : end]
        self.tokens.append(Token(kind, taken if value is None else value, self.line))
        self._skip(end)

    def _skip(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def _code(self) -> None:
        text, at = self.text, self.at
        if blank := grammar.BLANK.match(text, at):
            self._skip(blank.end())
        elif text.startswith("/*", at) and (end := self._comment_end()):
            self._skip(end)
        elif text.startswith(('"', "''"), at):
            self._begin('"' if text[at] == '"' else "''")
        elif text.startswith("${", at):
            self._open_code(Kind.INTERPOLATION, "${")
        elif not (self._path() or self._uri() or self._simple()):
            self._brace_or_operator()

    def _comment_end(self) -> int:
        """0 for a comment that never ends, which Nix refuses."""
        found = self.text.find("*/", self.at + 2) if self._comments_end else -1
        self._comments_end = found >= 0
        return found + 2 if found >= 0 else 0

    def _begin(self, quote: str) -> None:
        self.modes.append(quote)
        self._take(Kind.OPEN, self.at + len(quote))

    def _open_code(self, kind: Kind, bracket: str) -> None:
        self.modes.append(bracket)
        self._take(kind, self.at + len(bracket))

    def _path(self) -> bool:
        """The longest match wins in Nix, so a path goes before words, numbers and operators."""
        if self.at >= self._run_end:
            run = grammar.RUN.match(self.text, self.at)
            self._run_end = run.end() if run else self.at
        found = grammar.HOME.match(self.text, self.at) or grammar.PATH.match(self.text, self._run_end)
        if found is None:
            search = grammar.SEARCH.match(self.text, self.at)
            if search:
                self._take(Kind.SEARCH, search.end())
            return search is not None
        if self.text.startswith(("${", "/"), found.end()):
            self.modes.append("path")
            self.tokens.append(Token(Kind.OPEN, "path", self.line))
        self._take(Kind.PATH, found.end())
        return True

    def _uri(self) -> bool:
        if self.at >= self._scheme_end:
            scheme = grammar.SCHEME.match(self.text, self.at)
            self._scheme_end = scheme.end() if scheme else self.at + 1
        found = (
            grammar.URI_REST.match(self.text, self._scheme_end) if re.match("[a-zA-Z]", self.text[self.at]) else None
        )
        if found:
            self._take(Kind.URI, found.end())
        return found is not None

    def _simple(self) -> bool:
        for kind, pattern in ((Kind.WORD, grammar.WORD), (Kind.NUMBER, grammar.NUMBER)):
            if found := pattern.match(self.text, self.at):
                self._take(kind, found.end())
                return True
        return False

    def _brace_or_operator(self) -> None:
        character = self.text[self.at]
        if character == "{":
            self._open_code(Kind.OPERATOR, "{")
        elif character == "}" and self.modes:
            self._take(Kind.END if self.modes.pop() == "${" else Kind.OPERATOR, self.at + 1)
        else:
            operator = grammar.OPERATOR.match(self.text, self.at)
            self._take(Kind.OPERATOR, operator.end() if operator else self.at + 1)

    def _string(self) -> None:
        if self.text.startswith('"', self.at):
            self._end(1)
        elif not self._interpolation():
            self._piece(
                grammar.IN_STRING,
                lambda found: grammar.ESCAPE.sub(lambda one: grammar.ESCAPES.get(one[1], one[1]), found),
            )

    def _indented(self) -> None:
        if not self._interpolation() and not self._piece(grammar.IN_INDENTED, _plain_indented):
            self._end(2)

    def _path_rest(self) -> None:
        if not self._interpolation() and not self._piece(grammar.IN_PATH, str):
            self._end(0)

    def _interpolation(self) -> bool:
        if found := self.text.startswith("${", self.at):
            self._open_code(Kind.INTERPOLATION, "${")
        return found

    def _piece(self, pattern: re.Pattern[str], plain: Callable[[str], str]) -> bool:
        if found := pattern.match(self.text, self.at):
            self._take(Kind.TEXT, found.end(), plain(found[0]))
        return found is not None

    def _end(self, length: int) -> None:
        self.modes.pop()
        self._take(Kind.CLOSE, self.at + length)


def _plain_indented(text: str) -> str:
    if text in ("''$", "'''"):
        return "$" if text.endswith("$") else "''"
    return grammar.ESCAPES.get(text[3], text[3]) if text.startswith("''\\") else text
