"""The host's own repository of one agent: what was proposed to the operator, and what runs.

`main` is what runs; a tag `<state>/<approval id>` tells what became of a commit.
"""

from __future__ import annotations

from pathlib import Path

from agents.repositories import tags
from agents.repositories.git import full_commit, git
from agents.repositories.hosted import FileTooBig, Hosted, NotInCommit
from agents.repositories.receiving import Pinned, quarantine
from agents.repositories.tags import TagConflict, TagInfo
from agents.repositories.trees import DEFAULT_LIMITS, Limits, ProposalRefused, TreeEntry

__all__ = [
    "Applied",
    "FileTooBig",
    "Limits",
    "NotInCommit",
    "Pinned",
    "PredatesTags",
    "ProposalRefused",
    "TagConflict",
    "TagInfo",
    "TreeEntry",
]

BASELINE = "deployed/0"
_MANY_PACKS = 50


class PredatesTags(Exception):
    """The repository has a `main` but no baseline tag: it was made by something older."""


class Applied(Hosted):
    """The repository at `path`, whose last part is the agent's name."""

    def receive(self, pack: Path | int, commit_ref: str, *, tag: str, limits: Limits = DEFAULT_LIMITS) -> Pinned:
        """Take over the objects in `pack` (a file, or a descriptor read to its end) and tag what `commit_ref` names.

        Raises `ProposalRefused` (nothing has changed then) and `TagConflict`.
        """
        data = _content(pack, limits.pack + 1)
        with self.writing() as lock:
            self.ensure_locked(lock)
            with quarantine(self.path, lock) as arrived:
                pinned = arrived.take(data, commit_ref, limits)
                tags.check_free(self.path, tag, pinned.commit)
                arrived.release()
            tags.plant(self.path, tag, pinned.commit, None, lock)
            self._repack_when_many(lock)
        return pinned

    def tag(self, name: str, commit: str, message: str | None = None) -> None:
        """Tag a commit, annotated when there is a message, which is kept as it is.

        The same tag on the same commit is success; on another commit it raises `TagConflict`.
        """
        with self.writing() as lock:
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

    def _repack_when_many(self, lock: int) -> None:
        """Every proposal brings its whole history: without this the packs would only grow."""
        if len(list((self.path / ".git" / "objects" / "pack").glob("*.pack"))) > _MANY_PACKS:
            git(self.path, "repack", "-a", "-d", "--quiet", pass_fds=[lock])


def _content(pack: Path | int, limit: int) -> bytes:
    with open(pack, "rb", closefd=not isinstance(pack, int)) as stream:
        return stream.read(limit)
