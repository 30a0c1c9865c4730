"""A Nix file of a change, read once for all the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from approvals.risks.nix.bindings import structure
from approvals.risks.nix.lexer import tokenize
from approvals.risks.nix.structure import Binding, Path, Structure, matching
from approvals.risks.nix.tokens import Kind, Token

_BLANK = Token(Kind.OPERATOR, "", 0)


@dataclass(frozen=True)
class Source:
    """`path` is the file's in its tree; `files` are the paths of the whole tree."""

    path: str
    text: str
    files: frozenset[str] = frozenset()

    @cached_property
    def tokens(self) -> list[Token]:
        return tokenize(self.text)

    @cached_property
    def closers(self) -> list[int]:
        return matching(self.tokens)

    @cached_property
    def structure(self) -> Structure:
        return structure(self.tokens, self.closers)

    @cached_property
    def words(self) -> list[tuple[int, str]]:
        """(token, name) of every identifier, attribute names in quotes too: `x."fetchurl"`, `x.${"fetchurl"}`."""
        return [(at, token.text) for at, token in enumerate(self.tokens) if self._is_name(at, token)]

    @cached_property
    def mentioned(self) -> frozenset[str]:
        return frozenset(name for _, name in self.words)

    def token(self, at: int) -> Token:
        """A token, or a blank one outside the file."""
        return self.tokens[at] if 0 <= at < len(self.tokens) else _BLANK

    def selected_from(self, at: int) -> str | None:
        """The identifier before the dot, as `builtins` in `builtins.exec`."""
        return self.token(at - 2).text if self.token(at - 1).is_op(".") else None

    def option_bindings(self) -> Iterator[tuple[Binding, Path]]:
        """Bindings and the options that they set, without what a module may wrap around them."""
        for binding in self.structure.bindings:
            if binding.path and binding.path[0] != "options" and not binding.variable:
                yield binding, binding.path

    def within(self, at: int) -> Path:
        """The option that the outermost binding around a token sets; () in a `let` and around everything."""
        owner = self.structure.owners[at] if at < len(self.structure.owners) else None
        return () if owner is None else owner.path

    def value(self, binding: Binding) -> list[Token]:
        return self.tokens[binding.start : binding.end]

    def _is_name(self, at: int, token: Token) -> bool:
        if token.kind is Kind.WORD:
            return True
        if token.kind is not Kind.STRING:
            return False
        computed = self.token(at - 1).kind is Kind.INTERPOLATION and self.token(at + 1).kind is Kind.END
        return self.token(at - (2 if computed else 1)).is_op(".") or at in self._inherited

    @cached_property
    def imported(self) -> frozenset[int]:
        """The tokens of the values of `imports`."""
        found: set[int] = set()
        covered = 0
        for binding in self.structure.bindings:
            if binding.name == "imports" and binding.start >= covered:
                found.update(range(binding.start, binding.end))
                covered = binding.end
        return frozenset(found)

    @cached_property
    def _inherited(self) -> frozenset[int]:
        return frozenset(binding.start for binding in self.structure.bindings if binding.inherited)
