"""Which attribute path each `a.b = value;` of a Nix file sets, through nested sets and the functions around them.

An approximation that is made to be wide: `lib.mkIf c { users = …; }` sets `users`, and so does a set in a `let`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.risks.nix.structure import CLOSING, OPENING, Binding, Path, Structure, unwrapped
from approvals.risks.nix.tokens import Kind, Token

_DEEPEST = 12


@dataclass
class _Frame:
    """`kind`: file, set, let, paren, list or other. `context` is the nearest binding around it."""

    kind: str
    prefix: Path
    context: Binding | None = None
    in_let: bool = False
    binding: Binding | None = None
    expecting: bool = False
    inherits: bool = False
    pending: int = 0


def structure(tokens: Sequence[Token], closers: Sequence[int]) -> Structure:
    """`closers` is what `matching` gives."""
    return _Reader(tokens, closers).read()


class _Reader:
    def __init__(self, tokens: Sequence[Token], closers: Sequence[int]) -> None:
        self.tokens, self.closers = tokens, closers
        self.stack = [_Frame("file", ())]
        self.found = Structure()
        self.outermost: Binding | None = None

    def read(self) -> Structure:
        at = 0
        while at < len(self.tokens):
            end = self._begin(at) if self.stack[-1].expecting else at
            if end == at:
                self._step(at)
                end = at + 1
            self.found.owners += [self.outermost] * (end - at)
            if self.outermost is not None and self.outermost.end:
                self.outermost = None
            at = end
        for frame in self.stack:
            self._close(frame, at)
        return self.found

    def _begin(self, at: int) -> int:
        """At the beginning of a binding: take its path and `=`. Returns where it goes on; `at` if it is none."""
        frame, token = self.stack[-1], self.tokens[at]
        if token.is_word("inherit"):
            frame.inherits, frame.expecting = True, False
            self._open(frame, frame.prefix, token.line, at + 1).nested = True
            return at + 1
        names, end = self._attribute_path(at)
        if names and end < len(self.tokens) and self.tokens[end].is_op("="):
            frame.expecting = False
            self._open(frame, frame.prefix + names, token.line, end + 1)
            return end + 1
        if not (token.is_op("}", ";") or token.is_word("in")):
            frame.expecting = False
        return at

    def _open(self, frame: _Frame, path: Path, line: int, start: int) -> Binding:
        if frame.context is not None:
            frame.context.nested = True
        name = path[-1] if path else None
        frame.binding = Binding(unwrapped(path)[:_DEEPEST], line, frame.kind == "let", start, name=name)
        if len(frame.prefix) < _DEEPEST:
            self.found.bindings.append(frame.binding)
        if self.outermost is None and not frame.in_let:
            self.outermost = frame.binding
        return frame.binding

    def _close(self, frame: _Frame, at: int) -> None:
        if frame.binding is not None and not frame.binding.end:
            frame.binding.end = at
        frame.binding, frame.inherits, frame.pending = None, False, 0

    def _step(self, at: int) -> None:
        token, frame = self.tokens[at], self.stack[-1]
        if frame.inherits:
            self._inherited(at)
        if token.kind in (Kind.INTERPOLATION, Kind.OPEN):
            self._push("other")
        elif token.kind in (Kind.END, Kind.CLOSE):
            self._pop(at, ("other",))
        elif token.kind is Kind.OPERATOR and token.text in OPENING:
            self._push(OPENING[token.text])
        elif token.kind is Kind.OPERATOR and token.text in CLOSING:
            self._pop(at, CLOSING[token.text])
        elif token.is_word("let"):
            self._push("let")
        elif token.is_word("in"):
            self._pop(at, ("let",))
        elif token.is_word("with", "assert"):
            frame.pending += 1
        elif token.is_op(";"):
            self._semicolon(at, frame)

    def _semicolon(self, at: int, frame: _Frame) -> None:
        if frame.pending:
            frame.pending -= 1
        elif frame.kind in ("set", "let"):
            self._close(frame, at)
            frame.expecting = True

    def _inherited(self, at: int) -> None:
        """`inherit (from) name;` sets `name`."""
        frame, token = self.stack[-1], self.tokens[at]
        if token.kind in (Kind.WORD, Kind.STRING):
            path = unwrapped((*frame.prefix, token.text))
            one = Binding(path, token.line, frame.kind == "let", at, at + 1, inherited=True, name=token.text)
            self.found.bindings.append(one)

    def _push(self, kind: str) -> None:
        """A set that is bound to a variable may become anything: it counts as standing where the `let` stands."""
        frame = self.stack[-1]
        prefix = frame.prefix if frame.binding is None or frame.kind == "let" else frame.binding.path
        within, bound = frame.in_let or kind == "let", frame.binding or frame.context
        self.stack.append(_Frame(kind, prefix, bound, within, expecting=kind in ("set", "let")))

    def _pop(self, at: int, kinds: tuple[str, ...]) -> None:
        if len(self.stack) > 1 and self.stack[-1].kind in kinds:
            self._close(self.stack.pop(), at)

    def _attribute_path(self, at: int) -> tuple[Path, int]:
        """The attribute path that begins at a token, and where it ends; `()` where none begins."""
        names: list[str | None] = []
        while at < len(self.tokens):
            name, end = self._component(at)
            if end == at:
                return (), at
            names.append(name)
            if end >= len(self.tokens) or not self.tokens[end].is_op("."):
                return tuple(names), end
            at = end + 1
        return tuple(names), at

    def _component(self, at: int) -> tuple[str | None, int]:
        token = self.tokens[at]
        if token.kind in (Kind.WORD, Kind.STRING):
            return token.text, at + 1
        if token.kind in (Kind.OPEN, Kind.INTERPOLATION):
            end = self.closers[at]
            inner = self.tokens[at + 1] if at + 2 == end else None
            constant = token.kind is Kind.INTERPOLATION and inner is not None and inner.kind is Kind.STRING
            return (inner.text if inner is not None and constant else None), min(end + 1, len(self.tokens))
        return None, at
