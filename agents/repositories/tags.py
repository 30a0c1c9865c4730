"""Tags `<state>/<approval id>`: planted once, never moved, read back with what they say."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from agents.repositories import references
from agents.repositories.git import EMAIL, NAME, git
from agents.repositories.trees import blobs

_TAG = re.compile(r"[a-z][a-z_-]*/(0|[1-9][0-9]*)\Z")
_FORMAT = "%(refname:strip=2) %(objecttype) %(objectname) %(*objectname)"


class TagConflict(Exception):
    """The tag stands on another commit; tags are never moved."""


@dataclass(frozen=True)
class TagInfo:
    """Where a tag stands; `message` is empty for a tag without annotation."""

    commit: str
    annotated: bool
    message: str


def read(repository: Path) -> dict[str, TagInfo]:
    """Every tag of the hive's form; others (someone's own) are left alone. Empty before there is a repository."""
    if not (repository / ".git" / "HEAD").exists():
        return {}
    lines = git(repository, "for-each-ref", f"--format={_FORMAT}", "refs/tags").decode().splitlines()
    rows = [fields for fields in map(str.split, lines) if _TAG.match(fields[0])]
    annotated = [fields for fields in rows if fields[1] == "tag"]
    bodies = blobs(repository, (fields[2] for fields in annotated))
    messages = {fields[0]: _message(body) for fields, body in zip(annotated, bodies, strict=True)}
    return {fields[0]: TagInfo(fields[-1], fields[1] == "tag", messages.get(fields[0], "")) for fields in rows}


def check_free(repository: Path, name: str, commit: str) -> bool:
    """Whether the tag is still to be planted; `False` when it stands on this commit. Raises `TagConflict`."""
    if not _TAG.match(name):
        raise ValueError(f"{name!r} is not a tag of the form state/number")
    found = read(repository).get(name)
    if found is not None and found.commit != commit:
        raise TagConflict(f"the tag {name} stands on {found.commit[:12]}, not on {commit[:12]}: it is not moved")
    return found is None


def plant(repository: Path, name: str, commit: str, message: str | None, lock: int) -> None:
    """Plant a tag. `lock` is the writer's lock, inherited by git. Raises `TagConflict`."""
    if not check_free(repository, name, commit):
        return
    target = commit
    if message is not None:
        words = ["hash-object", "-t", "tag", "-w", "--stdin"]
        body = _annotation(name, commit, message)
        target = git(repository, *words, input=body, pass_fds=[lock]).decode().strip()
    references.create(repository, f"refs/tags/{name}", target, lock)


def _annotation(name: str, commit: str, message: str) -> bytes:
    """A tag object (git-mktag(1)), written whole: `git tag` would trim lines of the message."""
    text = message.replace("\0", "�").encode(errors="replace")
    head = f"object {commit}\ntype commit\ntag {name}\ntagger {NAME} <{EMAIL}> {int(time.time())} +0000\n\n"
    return head.encode() + text


def _message(body: bytes) -> str:
    return body.partition(b"\n\n")[2].decode(errors="replace")
