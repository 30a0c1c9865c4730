"""What is known of a Nix file's brackets and bindings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from approvals.risks.nix.tokens import Kind, Token

Path = tuple[str | None, ...]

OPENING = {"{": "set", "(": "paren", "[": "list"}
CLOSING = {"}": ("set",), ")": ("paren",), "]": ("list",)}
_WRAPPING = ("config", "imports", "content", "contents")


@dataclass
class Binding:
    """`path` is without what a module may wrap around options; a computed part is None. `name` is the last part.

    The value is the tokens `start` to `end`; `nested`: there are bindings in it; `inherited`: it is the name itself.
    """

    path: Path
    line: int
    variable: bool
    start: int
    end: int = 0
    nested: bool = False
    inherited: bool = False
    name: str | None = None


@dataclass
class Structure:
    """`owners[i]`: the outermost binding that is no variable's and holds token i; None for what all of them share."""

    bindings: list[Binding] = field(default_factory=list)
    owners: list[Binding | None] = field(default_factory=list)


def unwrapped(path: Path) -> Path:
    """The path without what a module may wrap around options."""
    while path and path[0] in (*_WRAPPING, "specialisation"):
        path = path[3:] if path[0] == "specialisation" else path[1:]
    return path


def matching(tokens: Sequence[Token]) -> list[int]:
    """For each token the number of the one that closes it: itself if it opens nothing, the end if nothing does."""
    closers = list(range(len(tokens)))
    opened: list[int] = []
    for number, token in enumerate(tokens):
        if token.kind in (Kind.OPEN, Kind.INTERPOLATION) or token.is_op(*OPENING):
            closers[number] = len(tokens)
            opened.append(number)
        elif opened and (token.kind in (Kind.CLOSE, Kind.END) or token.is_op(*CLOSING)):
            closers[opened.pop()] = number
    return closers
