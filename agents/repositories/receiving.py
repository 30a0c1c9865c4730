"""Taking over objects that an agent's repository gave: indexed, resolved and checked apart, then moved in.

Nothing that the giving side said is believed. The objects lie in a quarantine folder that borrows from nowhere, so
that a commit which needs something else is found out, and they enter the repository only after the last check.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.repositories.git import COMMIT_REF, GitFailed, git
from agents.repositories.limits import MEBIBYTE, limited
from agents.repositories.packs import PackDamaged, declared_sizes, object_count
from agents.repositories.trees import Limits, ProposalRefused, TreeEntry, check_tree, shown, tree_entries

_SECONDS = 60.0
_PREFIX = "quarantine-"
_FSCK = re.compile(r"^(?:error|fatal): object ([0-9a-f]{40}): (\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Pinned:
    """A commit that the host holds for good: full id, its tree, its files."""

    commit: str
    tree: str
    paths: tuple[str, ...]


@contextmanager
def quarantine(repository: Path, lock: int) -> Iterator[Quarantine]:
    """A fresh object folder inside the repository; gone afterwards. `lock` is the writer's lock."""
    for leftover in (repository / ".git").glob(f"{_PREFIX}*"):
        shutil.rmtree(leftover)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=repository / ".git"))
    try:
        (folder / "pack").mkdir()
        yield Quarantine(repository, folder, lock)
    finally:
        shutil.rmtree(folder)


class Quarantine:
    """Objects on their way in. Every method raises `ProposalRefused` when they are not what they must be."""

    def __init__(self, repository: Path, folder: Path, lock: int) -> None:
        self.repository = repository
        self.folder = folder
        self.lock = lock
        self.env = {"GIT_OBJECT_DIRECTORY": str(folder), "GIT_ALTERNATE_OBJECT_DIRECTORIES": ""}

    def take(self, pack: bytes, commit_ref: str, limits: Limits) -> Pinned:
        """Index, resolve and check a pack; what it pins can then be moved in by `release`."""
        _check_declared(pack, limits)
        self._index(pack, limits)
        objects = self._objects()
        commit = _resolved(commit_ref, [oid for oid, (kind, _) in objects.items() if kind == "commit"])
        self._check_connected(commit)
        entries = self._entries(commit, limits)
        check_tree(entries, limits)
        self._check_sizes(commit, {oid: size for oid, (_, size) in objects.items()}, limits)
        tree = git(self.repository, "rev-parse", "--verify", f"{commit}^{{tree}}", env=self.env).decode().strip()
        return Pinned(commit, tree, tuple(entry.path for entry in entries))

    def release(self) -> None:
        """Move the objects in; git sees a pack once its index is there, so that one comes last."""
        target = self.repository / ".git" / "objects" / "pack"
        target.mkdir(exist_ok=True)
        for file in sorted((self.folder / "pack").iterdir(), key=lambda file: file.suffix == ".idx"):
            file.rename(target / file.name)
        descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _index(self, pack: bytes, limits: Limits) -> None:
        prefix = limited(memory=1024 * MEBIBYTE, seconds=_SECONDS, file_size=4 * limits.pack)
        words = ["index-pack", "--stdin", "--strict", f"--max-input-size={limits.pack}"]
        try:
            git(
                self.repository, *words, input=pack, env=self.env, prefix=prefix, timeout=_SECONDS, pass_fds=[self.lock]
            )
        except GitFailed as error:
            raise ProposalRefused(_damage(error.stderr)) from error

    def _objects(self) -> dict[str, tuple[str, int]]:
        words = [
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--batch-check=%(objectname) %(objecttype) %(objectsize)",
        ]
        lines = git(self.repository, *words, env=self.env).decode().splitlines()
        return {oid: (kind, int(size)) for oid, kind, size in map(str.split, lines)}

    def _check_connected(self, commit: str) -> None:
        try:
            git(self.repository, "rev-list", "--objects", "--quiet", commit, env=self.env)
        except GitFailed as error:
            raise ProposalRefused(
                f"the history of {commit[:12]} is incomplete: a shallow or damaged clone cannot be proposed"
            ) from error

    def _check_sizes(self, commit: str, sizes: dict[str, int], limits: Limits) -> None:
        for oid, size in sizes.items():
            if size > limits.blob:
                where = self._where(commit, oid)
                raise ProposalRefused(f"{where} has {size} bytes; the limit is {limits.blob}")
        total = sum(sizes.values())
        if total > limits.history:
            raise ProposalRefused(f"the commit and its history have {total} bytes; the limit is {limits.history}")

    def _where(self, commit: str, oid: str) -> str:
        listing = git(self.repository, "rev-list", "--objects", commit, env=self.env).decode(errors="surrogateescape")
        for line in listing.splitlines():
            found, _, path = line.partition(" ")
            if found == oid and path:
                return f"{shown(path)} (in the history of the commit)"
        return f"the object {oid[:12]}"

    def _entries(self, commit: str, limits: Limits) -> list[TreeEntry]:
        room = (limits.files + 1) * (limits.path + 80)
        try:
            return tree_entries(self.repository, commit, env=self.env, max_output=room)
        except GitFailed as error:
            raise ProposalRefused(f"the commit holds more than {limits.files} files, or very long paths") from error


def _check_declared(pack: bytes, limits: Limits) -> None:
    """Stop what would blow up before git unpacks it; files a little too big are found later, and named."""
    if not pack:
        raise ProposalRefused("the repository gave no objects: propose again")
    if len(pack) > limits.pack:
        raise ProposalRefused(f"the commit and its history take more than {limits.pack} bytes packed")
    try:
        if object_count(pack) > limits.objects:
            raise ProposalRefused(f"the commit and its history hold more than {limits.objects} objects")
        total = 0
        for size in declared_sizes(pack):
            total += size
            if total > limits.history:
                raise ProposalRefused(
                    f"the commit or its history holds an object of {size} bytes; the limit of a file is {limits.blob}, "
                    f"of everything {limits.history}"
                )
    except PackDamaged as error:
        raise ProposalRefused(f"the objects arrived damaged, propose again: {error}") from error


def _damage(stderr: str) -> str:
    found = _FSCK.search(stderr)
    if found:
        return f"object {found[1][:12]} is refused by git's own check: {found[3]} ({found[2]})"
    if "emory" in stderr:
        return "unpacking the objects takes too much memory: propose without big files"
    reason = stderr.strip().rpartition("\n")[2].removeprefix("fatal: ")
    return f"the objects arrived damaged, propose again: {shown(reason[:200])}"


def _resolved(commit_ref: str, commits: list[str]) -> str:
    if not COMMIT_REF.match(commit_ref):
        raise ProposalRefused(f"{commit_ref[:60]!r} is not a commit id: 7 to 40 digits of 0-9 and a-f")
    matching = [commit for commit in commits if commit.startswith(commit_ref)]
    if not matching:
        raise ProposalRefused(f"the repository gave no commit {commit_ref}")
    if len(matching) > 1:
        raise ProposalRefused(f"several commits begin with {commit_ref}: give more digits")
    return matching[0]
