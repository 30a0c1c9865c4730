"""Paths that lead outside the agent's repository."""

from __future__ import annotations

import posixpath
import re

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.tokens import Kind
from approvals.risks.wording import named

READERS = frozenset(
    [
        *("import", "scopedImport", "readFile", "readDir", "readFileType", "hashFile", "pathExists", "fileContents"),
        *("importJSON", "importTOML", "toPath", "filterSource", "cleanSource", "callPackage"),
    ]
)
_UPWARD = re.compile(r"(?:[^\s]*/)?\.\.(?:/[^\s]*)?")


def _literals(source: Source) -> Findings:
    for at, token in enumerate(source.tokens):
        if token.kind is Kind.SEARCH:
            yield at, token.text
        elif token.kind is Kind.PATH and leaves(source.path, token.text):
            yield at, named(token.text)


def leaves(file: str, path: str) -> bool:
    """Whether a path literal of a file leads outside the tree."""
    if path.startswith(("/", "~")):
        return True
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    return joined == ".." or joined.startswith("../")


def _texts(source: Source) -> Findings:
    """Text that becomes a path: absolute after a reader or in `imports`, or with `..` where paths are put together."""
    for at, token in enumerate(source.tokens):
        if token.kind not in (Kind.STRING, Kind.TEXT):
            continue
        absolute = token.text.startswith("/") and token.kind is Kind.STRING and _is_read(source, at)
        if absolute or (_UPWARD.fullmatch(token.text) and _joins_path(source, at)):
            yield at, named(token.text)


def _is_read(source: Source, at: int) -> bool:
    before = at - 1
    if source.token(before).is_op("+") and source.token(before - 1).kind not in (Kind.STRING, Kind.CLOSE):
        return False
    while source.token(before).is_op("("):
        before -= 1
    name = source.token(before)
    return (name.kind is Kind.WORD and name.text.removeprefix("__") in READERS) or at in source.imported


def _joins_path(source: Source, at: int) -> bool:
    if source.token(at).kind is Kind.TEXT:
        return True
    before = source.token(at - 1)
    variable = before.is_op("=") and source.within(at) == ()
    return before.is_op("+") or before.kind is Kind.INTERPOLATION or variable or _is_read(source, at)


def _of_nixpkgs(source: Source) -> Findings:
    for at, name in source.words:
        if name == "modulesPath" and not source.token(at + 1).is_op(",", "}"):
            yield at, name
        elif name == "path" and source.selected_from(at) == "pkgs":
            yield at, "pkgs.path"


RULES = (
    Rule("outside-path", "high", "What stands there is not part of the diff, and can change without one.", _literals),
    Rule("outside-text", "high", "It leads to files that are not part of the diff.", _texts),
    Rule("nixpkgs-path", "notice", "It takes files of nixpkgs that are not part of the diff.", _of_nixpkgs),
)
