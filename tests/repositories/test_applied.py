"""The host's own repository: tags that stay, files as they are, and every step possible again after a kill."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from agents.paths import Paths
from agents.repositories.applied import Applied, FileTooBig, NotInCommit, PredatesTags, ProposalRefused, TagConflict
from agents.repositories.git import GitFailed, git
from tests.repositories.builders import ORDINARY_UID, as_user, handmade

NOTE = "First line\n\n# not a comment\n  indented\ttab  \n-----BEGIN PGP SIGNATURE-----\n\n\n"


def pinned(applied: Applied, number: int = 1, files: dict[str, bytes] | None = None) -> str:
    pack, commit = handmade(files or {"agent.nix": b"{ } # %d\n" % number})
    file = applied.path.with_suffix(".pack")
    file.write_bytes(pack)
    return applied.receive(file, commit, tag=f"proposal/{number}").commit


@pytest.mark.parametrize("message", [NOTE, "", "no newline at the end", "ünïcode → ✓\n", "\n\n"])
def test_an_annotation_is_kept_as_it_is(applied: Applied, message: str) -> None:
    commit = pinned(applied)
    applied.tag("denied/1", commit, message)
    tag = applied.tags()["denied/1"]
    assert (tag.commit, tag.annotated, tag.message) == (commit, True, message)
    assert b"tagger hive-c0re <hive-c0re@hyperhive>" in git(applied.path, "cat-file", "tag", "refs/tags/denied/1")
    git(applied.path, "fsck", "--strict", "--no-dangling")


def test_a_tag_without_message_is_light(applied: Applied) -> None:
    commit = pinned(applied)
    applied.tag("approved/1", commit)
    assert not applied.tags()["approved/1"].annotated
    assert git(applied.path, "cat-file", "-t", "refs/tags/approved/1") == b"commit\n"


def test_the_same_tag_again_is_success_and_elsewhere_a_conflict(applied: Applied) -> None:
    one, two = pinned(applied, 1), pinned(applied, 2)
    applied.tag("failed/1", one, "why")
    applied.tag("failed/1", one, "why, told differently")
    with pytest.raises(TagConflict, match="failed/1"):
        applied.tag("failed/1", two, "why")
    assert applied.tags()["failed/1"].message == "why"


@pytest.mark.parametrize(
    "name", ["x", "-d/1", "deployed/", "deployed/01", "deployed/1/2", "../x/1", "deployed/1\n", ""]
)
def test_only_states_and_numbers_are_tags(applied: Applied, name: str) -> None:
    with pytest.raises(ValueError, match="is not a tag"):
        applied.tag(name, pinned(applied))


@pytest.mark.parametrize("commit", ["HEAD", "main", "abcdef1", "--all", "A" * 40, "a" * 40 + "\n"])
def test_only_full_ids_are_commits(applied: Applied, commit: str) -> None:
    with pytest.raises(ValueError, match="full commit id"):
        applied.checkout(commit)


def test_the_highest_id_counts_every_kind(applied: Applied) -> None:
    assert applied.highest_id() == 0
    commit = pinned(applied, 9)
    applied.tag("failed/12", commit, "x")
    assert applied.highest_id() == 12


def test_nothing_is_known_before_there_is_a_repository(paths: Paths) -> None:
    absent = Applied(paths.applied("nobody2"))
    assert (absent.main(), absent.tags(), absent.highest_id(), absent.exists()) == (None, {}, 0, False)


def test_a_repository_without_baseline_names_the_way_out(applied: Applied) -> None:
    applied.require_baseline()
    commit = pinned(applied)
    applied.set_main(commit)
    with pytest.raises(PredatesTags, match=r"hivectl destroy --purge alice` and spawn alice again"):
        applied.require_baseline()
    applied.tag("deployed/0", commit)
    applied.require_baseline()


def test_checkout_leaves_head_and_reset_puts_the_files_back(applied: Applied) -> None:
    one, two = pinned(applied, 1), pinned(applied, 2, {"agent.nix": b"{ } # 2\n", "more": b"x"})
    applied.checkout(one)
    applied.set_main(one)
    applied.checkout(two)
    assert (applied.main(), (applied.path / "more").exists()) == (one, True)
    applied.reset_to_head()
    assert (applied.path / "agent.nix").read_bytes() == b"{ } # 1\n"
    assert not (applied.path / "more").exists()


def test_reset_before_the_first_deploy_empties_the_folder(applied: Applied) -> None:
    applied.checkout(pinned(applied))
    applied.reset_to_head()
    assert [path.name for path in applied.path.iterdir()] == [".git"]


def test_files_changed_by_hand_are_put_right(applied: Applied) -> None:
    commit = pinned(applied)
    applied.checkout(commit)
    (applied.path / "agent.nix").write_text("changed")
    applied.checkout(commit)
    assert (applied.path / "agent.nix").read_bytes() == b"{ } # 1\n"


def test_lock_files_of_a_killed_git_are_stale(applied: Applied) -> None:
    commit = pinned(applied)
    for name in ("index", "HEAD", "refs/heads/main", "refs/tags/deployed/0"):
        lock = applied.path / ".git" / f"{name}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    applied.checkout(commit)
    applied.set_main(commit)
    applied.tag("deployed/0", commit)
    assert applied.main() == commit


CONTENT = {
    "agent.nix": b"line\nline\r\n",
    ".gitattributes": b"* eol=crlf filter=evil ident text working-tree-encoding=UTF-16\n[attr]x filter=evil\n",
    "ident": b"$Id$\n",
}


def test_content_is_taken_as_it_is_whatever_attributes_say(applied: Applied, tmp_path: Path) -> None:
    commit = pinned(applied, 1, CONTENT)
    applied.checkout(commit)
    applied.export(commit, tmp_path / "out")
    for folder in (applied.path, tmp_path / "out"):
        assert {name: (folder / name).read_bytes() for name in CONTENT} == CONTENT


def test_an_export_is_fresh_and_readable_by_everybody(applied: Applied, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").symlink_to("/etc/passwd")
    commit = pinned(applied)
    before = os.umask(0o077)
    try:
        applied.export(commit, tmp_path / "out")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "out", *(tmp_path / "out").iterdir()]}
    assert modes == {"out": 0o755, "agent.nix": 0o644}


def test_files_for_a_diff(applied: Applied) -> None:
    commit = pinned(applied, 1, {"agent.nix": b"{ }\n", "binary": b"\0x", "empty": b"", "long": b"x" * 300})
    assert applied.files(commit, max_size=100) == {"agent.nix": b"{ }\n", "binary": None, "empty": b"", "long": None}
    assert [(entry.path, entry.size) for entry in applied.list_tree(commit)][-1] == ("long", 300)


@pytest.mark.parametrize("path", ["absent", "", "/etc/passwd", "../alice", ":(glob)*", "*", "agent.nix/x"])
def test_a_file_that_is_not_in_the_commit(applied: Applied, path: str) -> None:
    with pytest.raises(NotInCommit):
        applied.read_file(pinned(applied), path)


def test_one_file_up_to_a_size(applied: Applied) -> None:
    commit = pinned(applied)
    assert applied.read_file(commit, "agent.nix") == b"{ } # 1\n"
    with pytest.raises(FileTooBig, match="8 bytes; the limit is 5"):
        applied.read_file(commit, "agent.nix", 5)


def test_a_link_that_came_in_by_hand_is_never_exported(applied: Applied, tmp_path: Path) -> None:
    blob = git(applied.path, "hash-object", "-w", "--stdin", input=b"/etc/passwd").decode().strip()
    tree = git(applied.path, "mktree", input=f"120000 blob {blob}\tagent.nix\n".encode()).decode().strip()
    commit = git(applied.path, "commit-tree", tree, input=b"x").decode().strip()
    with pytest.raises(ProposalRefused, match="no plain file"):
        applied.export(commit, tmp_path / "out")
    with pytest.raises(NotInCommit):
        applied.read_file(commit, "agent.nix")


def test_an_unknown_commit_is_gits_error(applied: Applied) -> None:
    with pytest.raises(GitFailed):
        applied.list_tree("1" * 40)


@pytest.mark.parametrize("milliseconds", [5, 15, 30, 50, 80, 120])
def test_a_deploy_killed_anywhere_can_be_driven_again(paths: Paths, milliseconds: int) -> None:
    applied = Applied(paths.applied("alice"))
    pack, commit = handmade({"agent.nix": b"{ }\n", "more": b"x"})
    applied.path.parent.mkdir(parents=True)
    file = applied.path.with_suffix(".pack")
    file.write_bytes(pack)

    def deploy() -> None:
        applied.receive(file, commit, tag="proposal/1")
        applied.tag("approved/1", commit)
        applied.checkout(commit)
        applied.tag("deployed/0", commit, "baseline")
        applied.set_main(commit)

    child = os.fork()
    if child == 0:
        deploy()
        os._exit(0)
    time.sleep(milliseconds / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    deploy()
    assert set(applied.tags()) == {"proposal/1", "approved/1", "deployed/0"}
    assert (applied.main(), (applied.path / "more").read_bytes()) == (commit, b"x")
    git(applied.path, "fsck", "--strict", "--no-dangling")


def test_an_ordinary_user_can_do_all_of_it(ordinary_paths: Paths) -> None:
    def work() -> None:
        applied = Applied(ordinary_paths.applied("alice"))
        applied.ensure()
        commit = pinned(applied)
        applied.checkout(commit)
        applied.set_main(commit)
        applied.export(commit, ordinary_paths.job(1) / "tree")
        assert (ordinary_paths.job(1) / "tree" / "agent.nix").read_bytes() == b"{ } # 1\n"

    as_user(ORDINARY_UID, work)


def test_the_hosts_own_configuration_of_git_changes_nothing(
    applied: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text(
        "[core]\n\thooksPath = /x\n[user]\n\tname = somebody\n[commit]\n\tgpgsign = true\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nonexistent")
    applied.tag("denied/1", pinned(applied), "x")
    assert b"tagger hive-c0re" in git(applied.path, "cat-file", "tag", "refs/tags/denied/1")


def test_git_is_the_one_that_the_operator_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "git"
    stub.write_text('#!/bin/sh\necho named: "$@"\n')
    stub.chmod(0o755)
    monkeypatch.setenv("HYPERHIVE_GIT", str(stub))
    assert git(tmp_path, "version").startswith(b"named:")
