"""Imports of what is not a plain Nix file of the repository."""

from __future__ import annotations

import posixpath
import re

from approvals.risks.nix.outside import leaves
from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.tokens import Kind, Token
from approvals.risks.wording import named

_READING = frozenset(["import", "scopedImport", "readFile", "readDir", "fileContents", "importJSON", "importTOML"])
_MAKING = re.compile(
    "(?:__)?(?:derivation|derivationStrict|mkDerivation|runCommand.*|write(?:Text|Script|Shell).*|writers|toFile"
    "|symlinkJoin|buildEnv|linkFarm|concatText.*|substituteAll.*|replaceVars|applyPatches|fetch.*|outPath|drvPath|stdenv)"
)


def _derivations(source: Source) -> Findings:
    making = any(_MAKING.fullmatch(name) for name in source.mentioned)
    for at, name in source.words:
        if name.removeprefix("__") in _READING:
            argument = _argument(source, at)
            if _makes(argument) or (making and _is_computed(argument)):
                yield at, f"{name} of {'something built' if _makes(argument) else 'something computed'}"


def _computed(source: Source) -> Findings:
    making = any(_MAKING.fullmatch(name) for name in source.mentioned)
    uses_packages = any(name == "pkgs" and source.token(at + 1).is_op(".") for at, name in source.words)
    for at, name in source.words:
        if name.removeprefix("__") in _READING and uses_packages and not making:
            argument = _argument(source, at)
            if _is_computed(argument) and not _makes(argument):
                yield at, f"{name} of something computed"


def _argument(source: Source, at: int) -> list[Token]:
    """The tokens of a function's first argument; `scopedImport` reads its second."""
    start = at + 1
    if source.token(at).text.endswith("scopedImport"):
        start = _after(source, start)
    return source.tokens[start : min(_after(source, start), start + 200)]


def _after(source: Source, at: int) -> int:
    """Where an argument ends: a group, or a name with what is selected from it."""
    if at >= len(source.tokens):
        return at
    end = source.closers[at] + 1
    while source.token(end).is_op(".") and end + 1 < len(source.tokens):
        end = source.closers[end + 1] + 1
    return end


def _makes(argument: list[Token]) -> bool:
    words = [token.text for token in argument if token.kind is Kind.WORD]
    return any(word == "pkgs" or _MAKING.fullmatch(word) for word in words)


def _is_computed(argument: list[Token]) -> bool:
    """Neither a path nor a text that is written there, nor a path with something after it."""
    return not any(token.kind in (Kind.PATH, Kind.SEARCH, Kind.STRING) for token in argument)


def _odd_names(source: Source) -> Findings:
    """Nix reads a file of any name; the rules about Nix text read `.nix` files."""
    for at, token in enumerate(source.tokens):
        if token.kind is not Kind.PATH or leaves(source.path, token.text) or token.text.endswith(".nix"):
            continue
        imported = source.token(at - 1).is_word("import") or at in source.imported
        if imported and posixpath.normpath(posixpath.join(posixpath.dirname(source.path), token.text)) in source.files:
            yield at, named(token.text)


RULES = (
    Rule(
        "import-from-derivation",
        "high",
        "A build runs before you have approved anything that it makes, and its result decides the configuration.",
        _derivations,
    ),
    Rule("computed-import", "notice", "What it reads cannot be told from the text.", _computed),
    Rule("import-not-nix", "high", "A file is used as Nix text that does not say so by its name.", _odd_names),
)
