"""What is to be assessed: the files and the effective options before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.nixconfig.options import DRIVERS, defaults
from agents.repositories.applied import Applied
from agents.repositories.trees import TreeEntry, blobs

MAX_FILE = 256 * 1024


class File(NamedTuple):
    """`mode` is git's; `content` is None where the file is too big to read; `oid` tells such files apart."""

    mode: str
    content: bytes | None
    oid: str = ""


Tree = Mapping[str, File]


@dataclass(frozen=True)
class Change:
    """`before` is what runs: no files and no options at a first spawn. Options are flat, dotted name → value."""

    before: Tree
    after: Tree
    before_options: Mapping[str, Any] | None
    after_options: Mapping[str, Any]
    backend: str = "local"

    @classmethod
    def from_repository(
        cls,
        applied: Applied,
        base: str | None,
        commit: str,
        before_options: Mapping[str, Any] | None,
        after_options: Mapping[str, Any],
        *,
        backend: str = "local",
    ) -> Change:
        """Of what `commit` changes on `base`; only files that differ are read. Raises `GitFailed`."""
        before = {entry.path: entry for entry in applied.list_tree(base)} if base else {}
        after = {entry.path: entry for entry in applied.list_tree(commit)}
        kept = {path for path in {*before, *after} if _oid(before, path) == _oid(after, path)}
        trees = [_files(applied, entries, kept) for entries in (before, after)]
        return cls(trees[0], trees[1], before_options, after_options, backend)

    def old_options(self) -> Mapping[str, Any]:
        """The options before; at a first spawn the defaults, with the driver that the new agent has."""
        if self.before_options is not None:
            return self.before_options
        driver = self.after_options.get("driver")
        return defaults(driver if isinstance(driver, str) and driver in DRIVERS else DRIVERS[-1])

    def option(self, name: str) -> tuple[Any, Any]:
        """(before, after) of one option."""
        return self.old_options().get(name), self.after_options.get(name)

    def written(self) -> Iterator[tuple[str, File | None, File]]:
        """(path, before, after) of every file that is new or has other content, by path."""
        for path, new in sorted(self.after.items()):
            old = self.before.get(path)
            if old is None or not _same_content(File(*old), File(*new)):
                yield path, None if old is None else File(*old), File(*new)


def _same_content(old: File, new: File) -> bool:
    """Without content only equal ids tell that nothing has changed."""
    if old.content is None or new.content is None:
        return bool(old.oid) and old.oid == new.oid
    return old.content == new.content


def _oid(entries: Mapping[str, TreeEntry], path: str) -> str | None:
    return entries[path].oid if path in entries else None


def _files(applied: Applied, entries: Mapping[str, TreeEntry], kept: set[str]) -> dict[str, File]:
    wanted = [e for e in entries.values() if e.path not in kept and e.regular and e.size <= MAX_FILE]
    contents = dict(zip((e.path for e in wanted), blobs(applied.path, (e.oid for e in wanted)), strict=True))
    return {path: File(entry.mode, contents.get(path), entry.oid) for path, entry in entries.items()}
