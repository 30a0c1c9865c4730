"""What a tree of the host's own repositories holds, and which trees may become an agent's configuration."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.repositories.git import git
from agents.repositories.limits import MEBIBYTE

CONFIGURATION = "agent.nix"
_REGULAR = ("100644", "100755")
_LINKS = {"120000": "a symbolic link", "160000": "a submodule"}
_RESERVED = ("flake.nix", "flake.lock", ".gitmodules")
_HARMLESS = (".gitignore", ".gitattributes", ".gitkeep")
_LISTING = 4 * MEBIBYTE


class ProposalRefused(Exception):
    """A commit cannot become an agent's configuration; the text names the path and the rule."""


@dataclass(frozen=True)
class Limits:
    """What a proposal may be at most: bytes, but for `objects` and `files` (numbers) and `path` (bytes of a name)."""

    pack: int = 32 * MEBIBYTE
    objects: int = 20_000
    history: int = 256 * MEBIBYTE
    blob: int = MEBIBYTE
    total: int = 8 * MEBIBYTE
    files: int = 1_000
    path: int = 200


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class TreeEntry:
    """One file of a commit; `mode` is git's, `size` is -1 for a submodule."""

    mode: str
    oid: str
    size: int
    path: str

    @property
    def regular(self) -> bool:
        return self.mode in _REGULAR

    @property
    def executable(self) -> bool:
        return self.mode == "100755"


def tree_entries(
    repository: Path, commit: str, *paths: str, env: Mapping[str, str] | None = None, max_output: int = _LISTING
) -> list[TreeEntry]:
    """The files of a commit, folders walked; with `paths` only these. Raises `GitFailed`."""
    words = ["ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *paths]
    listing = git(repository, *words, env=env, max_output=max_output)
    return [_entry(line) for line in listing.decode(errors="surrogateescape").split("\0") if line]


def _entry(line: str) -> TreeEntry:
    about, path = line.split("\t", 1)
    mode, _, oid, size = about.split()
    return TreeEntry(mode, oid, -1 if size == "-" else int(size), path)


def blobs(
    repository: Path, oids: Iterable[str], *, env: Mapping[str, str] | None = None, max_output: int = 64 * MEBIBYTE
) -> list[bytes]:
    """The contents of objects, in the order asked for (git-cat-file(1), `--batch`). Raises `GitFailed`."""
    wanted = list(oids)
    if not wanted:
        return []
    output = git(
        repository, "cat-file", "--batch", input="\n".join([*wanted, ""]).encode(), env=env, max_output=max_output
    )
    contents, at = [], 0
    for _ in wanted:
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[2])
        contents.append(output[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return contents


def check_tree(entries: Sequence[TreeEntry], limits: Limits) -> None:
    """Raise `ProposalRefused` at the first file that breaks a rule."""
    if len(entries) > limits.files:
        raise ProposalRefused(f"the commit holds {len(entries)} files; the limit is {limits.files}")
    for entry in entries:
        _check_entry(entry, limits)
    total = sum(entry.size for entry in entries)
    if total > limits.total:
        raise ProposalRefused(f"the files together have {total} bytes; the limit is {limits.total}")
    if all(entry.path != CONFIGURATION for entry in entries):
        raise ProposalRefused(f"{CONFIGURATION} is missing at the top of the repository")


def _check_entry(entry: TreeEntry, limits: Limits) -> None:
    path = shown(entry.path)
    if entry.mode in _LINKS:
        raise ProposalRefused(f"{path} is {_LINKS[entry.mode]}: only plain files are accepted")
    if not entry.regular:
        raise ProposalRefused(f"{path} has the mode {entry.mode}: only plain files are accepted")
    if len(entry.path.encode(errors="surrogateescape")) > limits.path:
        raise ProposalRefused(f"{path[:80]}… is too long a path; the limit is {limits.path} bytes")
    for part in entry.path.split("/"):
        _check_part(part, path)
    if entry.size > limits.blob:
        raise ProposalRefused(f"{path} has {entry.size} bytes; the limit is {limits.blob}")


def _check_part(part: str, path: str) -> None:
    if part.lower() in _RESERVED:
        raise ProposalRefused(f"{path}: a proposal must not track {part.lower()}, the hive writes its own flake")
    if part in ("", ".", "..") or "\\" in part or any(unicodedata.category(char)[0] == "C" for char in part):
        raise ProposalRefused(f"{path}: the name holds a character that is not allowed (control, invisible, '\\')")
    if part.lower().startswith(".git") and part not in _HARMLESS:
        raise ProposalRefused(f"{path}: names that begin with '.git' are git's own")


def shown(path: str) -> str:
    """A path from outside as text that is safe to print."""
    return path if path.isprintable() else ascii(path)
