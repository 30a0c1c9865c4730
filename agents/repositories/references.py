"""References of the host's own repositories: read, created once, moved."""

from __future__ import annotations

from pathlib import Path

from agents.repositories.git import GitFailed, git

_NOTHING = "0" * 40


def commit_at(repository: Path, reference: str) -> str | None:
    """The commit that a reference names; `None` where there is no such reference, or no repository yet."""
    if not (repository / ".git" / "HEAD").exists():
        return None
    try:
        return git(repository, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").decode().strip()
    except GitFailed as error:
        if error.code == 1 and not error.stderr:
            return None
        raise


def create(repository: Path, reference: str, target: str, lock: int) -> None:
    """Make a reference that is not there yet. `lock` is the writer's, inherited by git."""
    _update(repository, lock, reference, target, _NOTHING)


def point(repository: Path, reference: str, target: str, lock: int) -> None:
    """Let a reference stand on `target`, wherever it stood."""
    _update(repository, lock, reference, target)


def _update(repository: Path, lock: int, reference: str, *values: str) -> None:
    """A killed git leaves a lock file; nobody else writes while we hold the writer's lock, so it is stale."""
    for name in (reference, "HEAD"):
        (repository / ".git" / f"{name}.lock").unlink(missing_ok=True)
    git(repository, "update-ref", reference, *values, pass_fds=[lock])
