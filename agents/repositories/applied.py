"""The host's own repository of one agent: what was proposed to the operator, and what runs.

`main` is what runs; a tag `<state>/<approval id>` tells what became of a commit. Every method can be driven again
after the process was killed anywhere in it: writers hold a lock that their git inherits, so a lock file that git
left behind is stale by the time the next writer sees it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.repositories import tags
from agents.repositories.git import BRANCH, full_commit, git
from agents.repositories.receiving import Pinned, quarantine
from agents.repositories.tags import TagInfo
from agents.repositories.trees import DEFAULT_LIMITS, Limits, ProposalRefused, TreeEntry, blobs, tree_entries

__all__ = ["Applied", "FileTooBig", "Limits", "NotInCommit", "Pinned", "PredatesTags", "ProposalRefused", "TagInfo"]

BASELINE = "deployed/0"
_MAIN = f"refs/heads/{BRANCH}"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_MANY_PACKS = 50
# Content is taken as it is: these stand above every .gitattributes of a tree (gitattributes(5)).
_ATTRIBUTES = "* -text !eol !crlf !ident !filter !working-tree-encoding !diff !merge\n"


class PredatesTags(Exception):
    """The repository has a `main` but no baseline tag: it was made by something older."""


class NotInCommit(LookupError):
    """The commit has no such file, or what is there is no plain file."""


class FileTooBig(Exception):
    """The file is larger than the caller takes."""


class Applied:
    """The non-bare repository at `path`, whose last part is the agent's name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> None:
        """Make the repository; idempotent."""
        with self._writing() as lock:
            self._ensure(lock)

    def receive(self, pack: Path | int, commit_ref: str, *, tag: str, limits: Limits = DEFAULT_LIMITS) -> Pinned:
        """Take over the objects in `pack` (a file, or a descriptor read to its end) and tag what `commit_ref` names.

        Raises `ProposalRefused` (nothing has changed then) and `TagConflict`.
        """
        data = _content(pack, limits.pack + 1)
        with self._writing() as lock:
            self._ensure(lock)
            with quarantine(self.path, lock) as arrived:
                pinned = arrived.take(data, commit_ref, limits)
                tags.check_free(self.path, tag, pinned.commit)
                arrived.release()
            tags.plant(self.path, tag, pinned.commit, None, lock)
            self._repack_when_many(lock)
        return pinned

    def exists(self) -> bool:
        """Whether there is anything to ask."""
        return (self.path / ".git" / "HEAD").is_file()

    def tree_of(self, commit: str) -> str:
        """The id of the commit's tree."""
        return git(self.path, "rev-parse", "--verify", f"{full_commit(commit)}^{{tree}}").decode().strip()

    def tree_of(self, commit: str) -> str:
        """The id of the commit's tree."""
        return git(self.path, "rev-parse", "--verify", f"{full_commit(commit)}^{{tree}}").decode().strip()

    def list_tree(self, commit: str) -> list[TreeEntry]:
        """Every file of the commit."""
        return tree_entries(self.path, full_commit(commit))

    def read_file(self, commit: str, path: str, max_size: int = 1024 * 1024) -> bytes:
        """One file of the commit. Raises `NotInCommit`, `FileTooBig`."""
        plain = path and not path.startswith("/") and ".." not in path.split("/")
        listed = tree_entries(self.path, full_commit(commit), path) if plain else []
        found = [entry for entry in listed if entry.path == path]
        if not found or not found[0].mode.startswith("100"):
            raise NotInCommit(f"{commit[:12]} has no file {path!r}")
        if found[0].size > max_size:
            raise FileTooBig(f"{path} has {found[0].size} bytes; the limit is {max_size}")
        return blobs(self.path, [found[0].oid])[0]

    def files(self, commit: str, max_size: int = 256 * 1024) -> dict[str, bytes | None]:
        """path → content of every file; `None` where it is binary or larger than `max_size`."""
        entries = self.list_tree(commit)
        small = [entry for entry in entries if 0 <= entry.size <= max_size]
        contents = dict(zip((entry.path for entry in small), blobs(self.path, (e.oid for e in small)), strict=True))
        texts = {path: data for path, data in contents.items() if b"\0" not in data[:8000]}
        return {entry.path: texts.get(entry.path) for entry in entries}

    def export(self, commit: str, dest: Path) -> None:
        """Write the commit's files into the folder `dest`, made afresh (what a killed run left there goes).

        Readable by everybody, whatever the umask: the evaluator's user reads it. Raises `ProposalRefused`.
        """
        entries = self.list_tree(commit)
        for entry in entries:
            if entry.mode not in ("100644", "100755"):
                raise ProposalRefused(f"{entry.path!r} is no plain file: it cannot be deployed")
        if dest.exists():
            shutil.rmtree(dest)
        _make_folder(dest)
        for entry, data in zip(entries, blobs(self.path, (entry.oid for entry in entries)), strict=True):
            _write_file(dest, entry, data)

    def checkout(self, commit: str) -> None:
        """Put the commit's files into the working folder; HEAD stays where it is."""
        with self._writing() as lock:
            self._read_tree(full_commit(commit), lock)

    def reset_to_head(self) -> None:
        """Put the files of `main` back."""
        with self._writing() as lock:
            self._read_tree(self.main() or _EMPTY_TREE, lock)

    def main(self) -> str | None:
        """The commit that runs; `None` before the first deploy."""
        return tags.commit_at(self.path, _MAIN)

    def set_main(self, commit: str) -> None:
        with self._writing() as lock:
            tags.drop_stale_lock(self.path, _MAIN)
            git(self.path, "update-ref", _MAIN, full_commit(commit), pass_fds=[lock])

    def tag(self, name: str, commit: str, message: str | None = None) -> None:
        """Tag a commit, annotated when there is a message, which is kept as it is.

        The same tag on the same commit is success; on another commit it raises `TagConflict`.
        """
        with self._writing() as lock:
            tags.plant(self.path, name, full_commit(commit), message, lock)

    def tags(self) -> dict[str, TagInfo]:
        return tags.read(self.path)

    def highest_id(self) -> int:
        """The highest N of all tags `<state>/N`; 0 when there is none."""
        return max((int(name.partition("/")[2]) for name in self.tags()), default=0)

    def require_baseline(self) -> None:
        """Raise `PredatesTags` for a repository that was not seeded by this hive."""
        if self.main() is not None and BASELINE not in self.tags():
            name = self.path.name
            raise PredatesTags(
                f"the applied repository of {name} has no tag {BASELINE}: it predates the tags. "
                f"Run `hivectl destroy --purge {name}` and spawn {name} again."
            )

    @contextmanager
    def _writing(self) -> Iterator[int]:
        git_dir = self.path / ".git"
        git_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(git_dir / "hive.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _ensure(self, lock: int) -> None:
        attributes = self.path / ".git" / "info" / "attributes"
        if not attributes.exists() or attributes.read_text() != _ATTRIBUTES:
            git(self.path, "init", "--quiet", f"--initial-branch={BRANCH}", "--template=", pass_fds=[lock])
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(_ATTRIBUTES)

    def _read_tree(self, tree: str, lock: int) -> None:
        (self.path / ".git" / "index.lock").unlink(missing_ok=True)
        git(self.path, "read-tree", "--reset", "-u", tree, pass_fds=[lock])

    def _repack_when_many(self, lock: int) -> None:
        """Every proposal brings its whole history: without this the packs would only grow."""
        if len(list((self.path / ".git" / "objects" / "pack").glob("*.pack"))) > _MANY_PACKS:
            git(self.path, "repack", "-a", "-d", "--quiet", pass_fds=[lock])


def _content(pack: Path | int, limit: int) -> bytes:
    with open(pack, "rb", closefd=not isinstance(pack, int)) as stream:
        return stream.read(limit)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)


def _write_file(dest: Path, entry: TreeEntry, data: bytes) -> None:
    target = dest / entry.path
    for parent in reversed(target.relative_to(dest).parents):
        if not (dest / parent).exists():
            _make_folder(dest / parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        os.fchmod(descriptor, 0o755 if entry.executable else 0o644)
