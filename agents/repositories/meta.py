"""The flake that holds every agent: one configuration per agent, made of a wrapper and a copy of its tree.

The truth is the commit that `main` stands on; the folder's files only follow it. A deploy builds from a copy made
for its job (`stage`) and changes the flake when it has succeeded (`adopt`), its own agent only: two deploys of two
agents can overlap.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agents.naming import agent_name
from agents.nixconfig.snapshot import snapshot
from agents.repositories.hosted import Hosted
from agents.repositories.lock import NAME as LOCK
from agents.repositories.wrapper import flake_text, wrapper_text

__all__ = ["Staged", "adopt", "adopt_lock", "default_url", "remove", "stage", "stage_all"]


@dataclass(frozen=True)
class Staged:
    """A copy of the flake with one agent's new tree in it; `folder` is what to build."""

    folder: Path
    name: str
    url: str
    dashboard_port: int


def default_url() -> str:
    """The flake that this code came with."""
    return f"path:{quote(str(Path(__file__).resolve().parents[2]))}"


def stage(
    meta: Path, job_folder: Path, name: str, tree: Path, *, dashboard_port: int, hyperhive_url: str | None = None
) -> Staged:
    """Copy the flake into the job's folder with `tree` as the agent's; every wrapper is written anew."""
    staged = Staged(job_folder / "meta", agent_name(name), hyperhive_url or default_url(), dashboard_port)
    repository = Hosted(meta)
    repository.ensure()
    _compose(repository, staged, tree)
    return staged


def adopt(meta: Path, staged: Staged, message: str) -> str:
    """Make the staged agent part of the flake for good and return the commit. Atomic; again is success."""
    tree = staged.folder / "agents" / staged.name / "tree"

    def compose(repository: Hosted, folder: Path) -> None:
        target = Staged(folder, staged.name, staged.url, staged.dashboard_port)
        _compose(repository, target, tree)

    return _committed(meta, staged.folder.with_name("meta-next"), message, compose)


def stage_all(meta: Path, job_folder: Path, *, hyperhive_url: str, lock: bytes | None = None) -> Path:
    """Copy the flake into the job's folder, with another lock where one is given, and return the copy."""
    folder = job_folder / "meta"
    repository = Hosted(meta)
    repository.ensure()
    _compose_lock(repository, folder, hyperhive_url, lock)
    return folder


def adopt_lock(meta: Path, job_folder: Path, lock: bytes, message: str, *, hyperhive_url: str) -> str:
    """Make `lock` the flake's own for good and return the commit. Atomic; again is success."""

    def compose(repository: Hosted, folder: Path) -> None:
        _compose_lock(repository, folder, hyperhive_url, lock)

    return _committed(meta, job_folder / "meta-next", message, compose)


def remove(meta: Path, job_folder: Path, name: str, *, hyperhive_url: str | None = None) -> str:
    """Take an agent out of the flake and return the commit; one that is not in it is success."""

    def compose(repository: Hosted, folder: Path) -> None:
        _export(repository, folder)
        gone = folder / "agents" / agent_name(name)
        if gone.exists():
            shutil.rmtree(gone)
        _write_flake(folder, hyperhive_url or default_url())

    return _committed(meta, job_folder / "meta-next", f"{name}: removed", compose)


def _compose(repository: Hosted, staged: Staged, tree: Path) -> None:
    _export(repository, staged.folder)
    own = staged.folder / "agents" / staged.name
    if own.exists():
        shutil.rmtree(own)
    own.mkdir(parents=True)
    snapshot(tree.parent, tree.name, own / "tree")
    _write_flake(staged.folder, staged.url)
    for name in _names(staged.folder):
        (staged.folder / "agents" / name / "default.nix").write_text(wrapper_text(name, staged.dashboard_port))


def _compose_lock(repository: Hosted, folder: Path, url: str, lock: bytes | None) -> None:
    _export(repository, folder)
    _write_flake(folder, url)
    if lock is not None:
        (folder / LOCK).write_bytes(lock)


def _export(repository: Hosted, folder: Path) -> None:
    commit = repository.main()
    if commit is not None:
        repository.export(commit, folder)
        return
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _names(folder: Path) -> list[str]:
    return sorted(agent_name(path.name) for path in (folder / "agents").glob("*"))


def _write_flake(folder: Path, url: str) -> None:
    (folder / "flake.nix").write_text(flake_text(url, _names(folder)))


def _committed(meta: Path, folder: Path, message: str, compose: Callable[[Hosted, Path], None]) -> str:
    """One commit of what `compose` makes of the flake as it is now; `folder` is scratch."""
    repository = Hosted(meta)
    with repository.writing() as lock:
        repository.ensure_locked(lock)
        compose(repository, folder)
        commit = repository.commit_folder(folder, message, lock)
        repository.read_tree(commit, lock)
    shutil.rmtree(folder)
    return commit
