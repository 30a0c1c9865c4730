"""Builtins that run programs or read the machine, and ways to reach builtins without naming them."""

from __future__ import annotations

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.tokens import Kind

_ALWAYS = frozenset(["importNative", "storePath", "unsafeDiscardStringContext", "unsafeDiscardOutputDependency"])
_IMPURE = frozenset(["getEnv", "currentTime", "nixPath", "findFile"])


def _programs(source: Source) -> Findings:
    passed_on = {at for at, _ in _passed_on(source)}
    for at, name in source.words:
        plain = name.removeprefix("__")
        if plain in _ALWAYS or (plain == "exec" and _is_builtin(source, at, name, bool(passed_on))):
            yield at, name


def _is_builtin(source: Source, at: int, name: str, passed_on: bool) -> bool:
    """`exec` is also a common name for other things."""
    if name.startswith("__") or source.selected_from(at) == "builtins":
        return True
    if "builtins" not in source.mentioned or source.token(at + 1).is_op("="):
        return False
    return passed_on or not source.token(at - 1).is_op(".")


def _impure(source: Source) -> Findings:
    for at, name in source.words:
        if name.removeprefix("__") in _IMPURE:
            yield at, name


def _passed_on(source: Source) -> Findings:
    """`builtins` other than in `builtins.name`, `builtins ? name`, `with builtins;` and `inherit (builtins) …`."""
    for at, name in source.words:
        if name != "builtins" or (source.token(at - 1).is_op(".") and source.selected_from(at) != "builtins"):
            continue
        before, after = source.token(at - 1), source.token(at + 1)
        if after.is_op("."):
            if _computed(source, at + 2):
                yield at, "builtins with a computed name"
        elif not (
            after.is_op("?", "=")
            or (before.is_word("with") and after.is_op(";"))
            or (before.is_op("(") and source.token(at - 2).is_word("inherit"))
        ):
            yield at, "builtins as a value"


def _computed(source: Source, at: int) -> bool:
    token = source.token(at)
    constant = source.token(at + 1).kind is Kind.STRING and source.token(at + 2).kind is Kind.END
    return token.kind is Kind.OPEN or (token.kind is Kind.INTERPOLATION and not constant)


RULES = (
    Rule("exec", "high", "It runs a program during the evaluation, or hides what a value was made of.", _programs),
    Rule("impure", "high", "The same commit can then mean one thing today and another when it is built.", _impure),
    Rule("indirect-builtin", "high", "Which function it calls cannot be read from the text.", _passed_on),
)
