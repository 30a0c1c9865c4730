"""Removing what somebody hostile has made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.containers.protocol import VerbRefused
from agents.containers.removal import remove_tree
from tests.containers.hive import Hive


def deep(top: Path, levels: int) -> None:
    """Longer than any path may be, and deeper than there are descriptors or stack frames."""
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 50, dir_fd=fd)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def test_any_depth_goes(tmp_path: Path) -> None:
    deep(tmp_path / "tree", 1500)
    assert remove_tree(tmp_path, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_locked_folders_go(tmp_path: Path) -> None:
    locked = tmp_path / "tree/a/b"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    for folder in (locked, locked.parent, locked.parent.parent):
        folder.chmod(0)
    assert remove_tree(tmp_path, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    outside.chmod(0o711)
    root = tmp_path / "root"
    (root / "tree/sub").mkdir(parents=True)
    (root / "tree/to-folder").symlink_to(outside)
    (root / "tree/sub/to-file").symlink_to(outside / "precious")
    (root / "tree/sub/up").symlink_to("../../..")
    os.mkfifo(root / "tree/pipe")
    (root / "tree/\n -rf").write_text("x")
    (root / b"tree/\xff\xfe".decode(errors="surrogateescape")).mkdir()
    assert remove_tree(root, root / "tree")
    assert (outside / "precious").read_text() == "x"
    assert outside.stat().st_mode & 0o777 == 0o711
    assert list(root.iterdir()) == []


def test_what_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    (other / "tree").mkdir(parents=True)
    (root / "link").symlink_to(other)
    for path in (root, other, root / "..", root / "link", root / "link/tree", root / "../other/tree"):
        with pytest.raises(ValueError, match="refused"):
            remove_tree(root, path)
    assert (other / "tree").is_dir()


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    assert not remove_tree(tmp_path, tmp_path / "a")
    assert not remove_tree(tmp_path, tmp_path / "a/b")


def test_what_was_interrupted_is_finished(tmp_path: Path) -> None:
    (tmp_path / "_trash-0123456789abcdef/x").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    remove_tree(tmp_path, tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_an_agent_is_purged_whatever_it_left(hive: Hive) -> None:
    hive.containers.create("bob")
    hive.run(
        "os.makedirs('/agents/alice/state/a/b'); os.symlink('/shared/bob', '/agents/alice/state/a/link')\n"
        "write('/agents/alice/state/a/b/c')\n"
        "os.chmod('/agents/alice/state/a/b', 0); os.chmod('/agents/alice/state/a', 0)\n"
        "os.makedirs('/home/alice/.claude/x'); os.chmod('/home/alice/.claude/x', 0); write('/shared/alice/y'); wait()"
    )
    hive.answer()
    with pytest.raises(VerbRefused, match="still runs"):
        hive.containers.purge("alice")
    hive.containers.stop("alice")
    hive.containers.purge("alice")
    assert not hive.paths.agent("alice").exists()
    assert not (hive.paths.shared / "alice").exists()
    assert hive.paths.notes("bob").is_dir()
    assert sorted(entry.name for entry in (hive.paths.state / "agents").iterdir()) == ["bob"]
    hive.containers.purge("alice")
