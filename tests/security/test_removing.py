"""Removing for good, in folders where others may leave things."""

from __future__ import annotations

from pathlib import Path

from agents.containers.removal import remove_tree


def test_what_others_name_like_trash_keeps_nothing_from_being_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "root").mkdir()
    for name in ("alice", "_trash-folder"):
        (tmp_path / "root" / name).mkdir()
    (tmp_path / "root" / "_trash-file").touch()
    (tmp_path / "root" / "_trash-link").symlink_to(kept)
    assert remove_tree(tmp_path / "root", tmp_path / "root" / "alice")
    assert not list((tmp_path / "root").iterdir())
    assert kept.is_dir()
