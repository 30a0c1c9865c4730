"""Which folders keep another user from reaching what it needs, and how to show it just that.

A clone or an interpreter below `/root` cannot be entered by the hive's user. In a mount namespace of its own each such
folder is covered by an empty one, in which only the needed paths appear, at the same places.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hiveproject import kernel

_MAX_LINKS = 40


@dataclass(frozen=True)
class User:
    uid: int
    gid: int


@dataclass(frozen=True)
class Need:
    """A path that the user must reach; only what is `writable` may be changed by way of it."""

    path: Path
    writable: bool = False


@dataclass
class View:
    """What to cover, and what to show in it: links as they are, files and folders bound."""

    covers: set[Path] = field(default_factory=set)
    links: dict[Path, str] = field(default_factory=dict)
    binds: dict[Path, bool] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        return not self.covers and not self.binds

    def covered(self, path: Path) -> bool:
        return any(path == cover or cover in path.parents for cover in self.covers)


def plan(needs: Iterable[Need], user: User) -> View:
    """The view that lets `user` reach all `needs`, and keeps it from writing what it should only read."""
    view = View()
    trails = [(need, *_trail(need.path)) for need in needs if need.path.exists()]
    for _, folders, _, _ in trails:
        view.covers |= {folder for folder in folders if not _allows(folder, user, os.X_OK)}
    for need, _, links, real in trails:
        view.links |= {link: target for link, target in links.items() if view.covered(link)}
        if view.covered(real):
            for path in _shown(real, user):
                view.binds[path] = view.binds.get(path, False) or need.writable
        elif not need.writable and _allows(real, user, os.W_OK):
            view.binds[real] = False
    for need, _, _, real in trails:
        if need.writable and any(path in real.parents for path in view.binds):
            view.binds[real] = True
    view.covers = {cover for cover in view.covers if not _is_hidden(cover, view)}
    return view


def enter(view: View) -> None:
    """Put this process behind `view`. Needs root; raises `OSError`."""
    kernel.new_mount_namespace()
    with ExitStack() as stack:
        sources = {path: stack.enter_context(_opened(path)) for path in view.binds}
        for path in sorted({*view.covers, *view.binds}):
            if path in view.covers:
                kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=1m")
                _make_links(path, view)
            else:
                _make_point(path, sources[path])
                kernel.bind(sources[path], path, writable=view.binds[path])


def _is_hidden(cover: Path, view: View) -> bool:
    """True for a barrier that another cover takes away and no bind brings back."""
    outer = [other for other in view.covers if other in cover.parents]
    return bool(outer) and not any(bound in cover.parents for bound in view.binds)


def _make_links(cover: Path, view: View) -> None:
    for link, target in view.links.items():
        if cover in link.parents and not link.is_symlink():
            link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            link.symlink_to(target)


def _trail(path: Path) -> tuple[list[Path], dict[Path, str], Path]:
    """(folders on the way, links on the way, where it ends), every link followed."""
    folders: list[Path] = [Path("/")]
    links: dict[Path, str] = {}
    here, ahead = Path("/"), list(path.absolute().parts[1:])
    while ahead:
        step = ahead.pop(0)
        following = here.parent if step == ".." else here / step
        if not following.is_symlink():
            here = following
            if here.is_dir():
                folders.append(here)
            continue
        links[following] = target = os.readlink(following)
        if len(links) > _MAX_LINKS:
            raise OSError(f"{path}: too many links")
        here = Path("/") if target.startswith("/") else here
        ahead = [part for part in Path(target).parts if part != "/"] + ahead
    return folders, links, here


def _shown(real: Path, user: User) -> list[Path]:
    """The path itself; for a folder that is closed to `user` what lies in it."""
    if not real.is_dir() or _allows(real, user, os.X_OK):
        return [real]
    return [entry for entry in real.iterdir() if not entry.is_symlink()]


def _allows(path: Path, user: User, mode: int) -> bool:
    """Whether `user` has `mode` on the file or folder itself, whatever lies on the way to it."""
    with _opened(path) as descriptor, _effective(user):
        return os.access(f"/proc/self/fd/{descriptor}", mode, effective_ids=True)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _effective(user: User) -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _make_point(path: Path, source: int) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.path.isdir(f"/proc/self/fd/{source}"):
        path.mkdir(mode=0o755)
    else:
        path.touch(mode=0o644)
