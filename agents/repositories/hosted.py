"""A repository that belongs to the host: one branch `main`, one writer at a time, files taken as they are.

Every method can be driven again after the process was killed anywhere in it: writers hold a lock that their git
inherits, so a lock file that git left behind is stale by the time the next writer sees it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.repositories import references
from agents.repositories.git import BRANCH, full_commit, git
from agents.repositories.trees import ProposalRefused, TreeEntry, blobs, tree_entries

MAIN = f"refs/heads/{BRANCH}"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
# Content is taken as it is: these stand above every .gitattributes of a tree (gitattributes(5)).
_ATTRIBUTES = "* -text !eol !crlf !ident !filter !working-tree-encoding !diff !merge\n"


class NotInCommit(LookupError):
    """The commit has no such file, or what is there is no plain file."""


class FileTooBig(Exception):
    """The file is larger than the caller takes."""


class Hosted:
    """The non-bare repository at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> None:
        """Make the repository; idempotent."""
        with self.writing() as lock:
            self.ensure_locked(lock)

    def exists(self) -> bool:
        """Whether there is anything to ask."""
        return (self.path / ".git" / "HEAD").is_file()

    def main(self) -> str | None:
        """The commit that `main` stands on; `None` before the first."""
        return references.commit_at(self.path, MAIN)

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
        if not found or not found[0].regular:
            raise NotInCommit(f"{commit[:12]} has no file {path!r}")
        if found[0].size > max_size:
            raise FileTooBig(f"{path} has {found[0].size} bytes; the limit is {max_size}")
        return blobs(self.path, [found[0].oid])[0]

    def files(self, commit: str, max_size: int = 256 * 1024) -> dict[str, bytes | None]:
        """path → content of every file; `None` where it is binary or larger than `max_size`."""
        entries = self.list_tree(commit)
        small = [entry for entry in entries if entry.regular and entry.size <= max_size]
        contents = dict(zip((entry.path for entry in small), blobs(self.path, (e.oid for e in small)), strict=True))
        texts = {path: data for path, data in contents.items() if b"\0" not in data[:8000]}
        return {entry.path: texts.get(entry.path) for entry in entries}

    def export(self, commit: str, dest: Path) -> None:
        """Write the commit's files into the folder `dest`, made afresh (what a killed run left there goes).

        Readable by everybody, whatever the umask: the evaluator's user reads it. Raises `ProposalRefused`.
        """
        entries = self.list_tree(commit)
        for entry in entries:
            if not entry.regular:
                raise ProposalRefused(f"{entry.path!r} is no plain file: it cannot be deployed")
        if dest.exists():
            shutil.rmtree(dest)
        _make_folder(dest)
        for entry, data in zip(entries, blobs(self.path, (entry.oid for entry in entries)), strict=True):
            _write_file(dest, entry, data)

    def checkout(self, commit: str) -> None:
        """Put the commit's files into the working folder; HEAD stays where it is."""
        with self.writing() as lock:
            self.read_tree(full_commit(commit), lock)

    def reset_to_head(self) -> None:
        """Put the files of `main` back."""
        with self.writing() as lock:
            self.read_tree(self.main() or _EMPTY_TREE, lock)

    def set_main(self, commit: str) -> None:
        with self.writing() as lock:
            references.point(self.path, MAIN, full_commit(commit), lock)

    @contextmanager
    def writing(self) -> Iterator[int]:
        """The writer's lock: a descriptor that git is to inherit."""
        git_dir = self.path / ".git"
        git_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(git_dir / "hive.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def ensure_locked(self, lock: int) -> None:
        """`ensure` for one who holds the lock."""
        attributes = self.path / ".git" / "info" / "attributes"
        if not attributes.exists() or attributes.read_text() != _ATTRIBUTES:
            for name in ("config", "HEAD"):
                (self.path / ".git" / f"{name}.lock").unlink(missing_ok=True)
            git(self.path, "init", "--quiet", f"--initial-branch={BRANCH}", "--template=", pass_fds=[lock])
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(_ATTRIBUTES)

    def read_tree(self, tree: str, lock: int) -> None:
        """Let the working folder hold `tree`, for one who holds the lock."""
        (self.path / ".git" / "index.lock").unlink(missing_ok=True)
        git(self.path, "read-tree", "--reset", "-u", tree, pass_fds=[lock])

    def commit_folder(self, folder: Path, message: str, lock: int) -> str:
        """Make the files of `folder` the next commit of `main`; the same files again make none."""
        before = self.main()
        index = {"GIT_INDEX_FILE": str(self.path / ".git" / "commit-index")}
        for leftover in ("commit-index", "commit-index.lock"):
            (self.path / ".git" / leftover).unlink(missing_ok=True)
        git(self.path, f"--work-tree={folder}", "add", "--all", "--force", ".", env=index, cwd=folder, pass_fds=[lock])
        tree = git(self.path, "write-tree", env=index, pass_fds=[lock]).decode().strip()
        if before is not None and self.tree_of(before) == tree:
            return before
        parents = ["-p", before] if before else []
        words = ["commit-tree", tree, *parents]
        commit = git(self.path, *words, input=message.encode(), pass_fds=[lock]).decode().strip()
        references.point(self.path, MAIN, commit, lock)
        return commit


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
