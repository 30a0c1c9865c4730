"""Access lists, checked against the kernel's own reading of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import acl

SOMEBODY = 1_234_567_890


def test_one_user_is_let_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t")
    file.chmod(0o600)
    acl.grant(file, SOMEBODY, "r--")
    assert acl.permissions(file, SOMEBODY) == "r"
    assert acl.permissions(file, SOMEBODY + 1) is None
    assert file.stat().st_mode & 0o777 == 0o640  # the group bits show the mask
    acl.grant(file, SOMEBODY, "rw")
    assert acl.permissions(file, SOMEBODY) == "rw"


def test_the_owner_needs_no_entry(tmp_path: Path) -> None:
    acl.grant(tmp_path, tmp_path.stat().st_uid, "rwx")
    assert acl.permissions(tmp_path, tmp_path.stat().st_uid) is None


def test_a_folder_passes_it_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    acl.pass_on(tmp_path, {SOMEBODY: "rwx"})
    (tmp_path / "deep/er").mkdir(parents=True, mode=0o700)
    (tmp_path / "deep/er/file").touch(mode=0o660)
    assert acl.permissions(tmp_path, SOMEBODY) == "rwx"
    assert acl.permissions(tmp_path / "deep/er", SOMEBODY) == "rwx"
    assert acl.permissions(tmp_path / "deep/er/file", SOMEBODY) == "rwx"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match=r".+"):
        acl.grant(tmp_path / "link", SOMEBODY, "rw")
    assert acl.permissions(tmp_path / "file", SOMEBODY) is None


def test_a_file_system_without_lists_says_what_to_do() -> None:
    with pytest.raises(acl.AclUnsupported, match="HYPERHIVE_STATE_ROOT"):
        acl.permissions(Path("/proc/self"), SOMEBODY)
