"""Where packages and modules come from."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.structure import Path
from approvals.risks.wording import named

_SOURCES: tuple[tuple[str, ...], ...] = (
    *(("nixpkgs",), ("nix", "registry"), ("nix", "nixPath"), ("nix", "channel"), ("_module",), ("disabledModules",)),
    *(("inputs",), ("flake",)),
)
_CALLS = frozenset(["appendOverlays"])


def _sources(source: Source) -> Findings:
    for binding, path in source.option_bindings():
        if any(_begins(path, option) for option in _SOURCES):
            shown = ".".join("<computed>" if part is None else part for part in path)
            yield max(binding.start - 1, 0), named(shown)


def _begins(path: Path, option: tuple[str, ...]) -> bool:
    return path[: len(option)] == option


def _words(source: Source) -> Findings:
    keys = {binding.start - 2 for binding in source.structure.bindings}
    whole = {None, "self", *_arguments(source)}
    for at, name in source.words:
        own = name == "inputs" and source.selected_from(at) in whole and at not in keys
        if name in _CALLS or own:
            yield at, name


def _arguments(source: Source) -> Iterator[str]:
    """Names of whole arguments: `args:`, `args@{ … }` and `{ … }@args`."""
    for at, name in source.words:
        if source.token(at + 1).is_op(":", "@") or source.token(at - 1).is_op("@"):
            yield name


RULES = (
    Rule("inputs", "high", "Every package and module can be replaced this way, those that you know too.", _sources),
    Rule("input-words", "high", "It reaches the hive's own inputs, or replaces packages.", _words),
)
