"""The packages that Nix text asks for, as far as the text alone says: nothing is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from approvals.risks.nix.source import Source
from approvals.risks.nix.structure import Binding
from approvals.risks.nix.tokens import Kind, Token

_OPTION = ("environment", "systemPackages")
_LONGEST = 60
MOST = 128 * 1024
"""Bytes of Nix text that are read; of more only the beginning is."""


@dataclass(frozen=True)
class Package:
    """An element of a list of packages, the tokens `start` to `end`.

    `name` is as in nixpkgs. `plain`: it is certainly that package of `pkgs`, not an expression or a variable.
    """

    name: str
    start: int
    end: int
    plain: bool


@dataclass(frozen=True)
class PackageChange:
    """What is added and taken away, by name."""

    added: list[str]
    removed: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def compare(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> PackageChange:
    """The packages that a change of files adds and takes away."""
    old, new = _names(before), _names(after)
    return PackageChange(sorted(new - old), sorted(old - new))


def only_added(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> frozenset[str] | None:
    """The packages added by a change that does nothing else; None when it does, or when that is not certain."""
    if before.keys() != after.keys():
        return None
    added: set[str] = set()
    for path, new in after.items():
        old = before[path]
        if old is None or new is None or not path.endswith(".nix"):
            if old is None or old != new:
                return None
        elif old != new:
            found = _added(Source(path, old), Source(path, new))
            if found is None:
                return None
            added |= found
    return frozenset(added)


def listed(source: Source) -> list[Package]:
    """Every element of the lists that `environment.systemPackages` is set to."""
    found: list[Package] = []
    for binding, path in source.option_bindings():
        if path == _OPTION:
            found += _elements(source, binding)
    return found


def _names(files: Mapping[str, str | None]) -> set[str]:
    texts = (text for path, text in files.items() if text is not None and path.endswith(".nix"))
    return {name for text in texts for name in _names_in(text[:MOST])}


@lru_cache(maxsize=32)
def _names_in(text: str) -> frozenset[str]:
    """Reading Nix text takes a while, and pages are rendered again and again."""
    return frozenset(package.name for package in listed(Source("", text))) if _OPTION[1] in text else frozenset()


def _added(old: Source, new: Source) -> set[str] | None:
    if max(len(old.text), len(new.text)) > MOST:
        return None
    before, after = (listed(source) for source in (old, new))
    if _without_plain(old, before) != _without_plain(new, after):
        return None
    had, has = (Counter(package.name for package in packages if package.plain) for packages in (before, after))
    return None if had - has else set(has - had)


def _without_plain(source: Source, packages: list[Package]) -> list[tuple[str, str]]:
    left_out = {at for package in packages if package.plain for at in range(package.start, package.end)}
    return [(token.kind, token.text) for at, token in enumerate(source.tokens) if at not in left_out]


def _elements(source: Source, binding: Binding) -> Iterator[Package]:
    at = binding.start
    while at < binding.end:
        if source.token(at).is_op("["):
            opened = [source.token(at - back) for back in (3, 2, 1)]
            of_pkgs = opened[0].is_word("with") and opened[1].is_word("pkgs") and opened[2].is_op(";")
            yield from _in_list(source, at + 1, min(source.closers[at], binding.end), of_pkgs)
            at = source.closers[at]
        at += 1


def _in_list(source: Source, at: int, end: int, of_pkgs: bool) -> Iterator[Package]:
    while at < end:
        start, parts = at, [source.token(at).text]
        is_name = source.token(at).kind is Kind.WORD
        at = source.closers[at] + 1
        while at + 1 < end and source.token(at).is_op("."):
            is_name = is_name and source.token(at + 1).kind is Kind.WORD
            parts.append(source.token(at + 1).text)
            at = source.closers[at + 1] + 1
        from_pkgs = parts[0] == "pkgs" and len(parts) > 1
        plain = is_name and (not _is_bound(source, "pkgs") if from_pkgs else of_pkgs and _is_free(source, parts[0]))
        name = ".".join(parts[1:] if from_pkgs else parts) if is_name else _cited(source, start, min(at, end))
        yield Package(name, start, min(at, end), plain)


def _is_free(source: Source, name: str) -> bool:
    """Whether `with pkgs;` alone can give the name its meaning: a variable of that name would come first."""
    other = any(token.is_word("with") and not source.token(at + 1).is_word("pkgs") for at, token in _words(source))
    return not (other or _is_bound(source, name) or _is_bound(source, "pkgs") or _is_argument(source, name))


def _is_bound(source: Source, name: str) -> bool:
    """Whether the file makes a variable of this name; in a `rec` set every attribute is one."""
    every = any(token.is_word("rec") for _, token in _words(source))
    bindings = (b for b in source.structure.bindings if b.variable or b.inherited or every)
    return any(name in (binding.name, *binding.path) for binding in bindings)


def _is_argument(source: Source, name: str) -> bool:
    """`name:`, `name@`, `{ name, … }:` or `{ name ? … }:`"""
    return any(word == name and source.token(at + 1).is_op(":", "@", ",", "?", "}") for at, word in source.words)


def _words(source: Source) -> Iterator[tuple[int, Token]]:
    return ((at, token) for at, token in enumerate(source.tokens) if token.kind is Kind.WORD)


def _cited(source: Source, start: int, end: int) -> str:
    text = " ".join(token.text for token in source.tokens[start:end] if token.text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
