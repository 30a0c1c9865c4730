"""Objects leave a proposed repository only as its owner, and only what its owner could read."""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from pathlib import Path

import pytest

from agents import command
from agents.paths import Paths
from agents.repositories import proposed
from agents.repositories.applied import Applied, ProposalRefused
from tests.repositories.builders import (
    ORDINARY_UID,
    as_user,
    commit_body,
    commit_files,
    emitted,
    handed_over,
    run_git,
    seeded,
)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A repository that only the host may read."""
    folder = tmp_path / "secret"
    folder.mkdir(mode=0o700)
    run_git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "agent.nix").write_text("the secret")
    run_git(folder, "add", "agent.nix")
    run_git(folder, "commit", "--quiet", "-m", "secret")
    return folder


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_a_commit_arrives_by_short_and_by_full_id(paths: Paths, applied: Applied, digits: int) -> None:
    commit = commit_files(seeded(paths), {"agent.nix": b"{ }\n", "sub/prompt.md": b"hello\n"})
    pinned = applied.receive(emitted(paths, commit[:digits]), commit[:digits], tag="proposal/1")
    assert pinned.commit == commit
    assert pinned.paths == ("agent.nix", "sub/prompt.md")


@pytest.mark.parametrize("ref", ["", "abc", "ABCDEF1", "main", "--all", "HEAD~1", "a" * 41, "abcdef1\n", "abcdef1^"])
def test_only_hex_digits_name_a_commit(paths: Paths, ref: str) -> None:
    seeded(paths)
    with pytest.raises(ValueError, match="is not a commit id"):
        emitted(paths, ref)


@pytest.mark.parametrize("ref", ["abcdef1", "0123456789" * 4])
def test_a_commit_that_is_not_there(paths: Paths, ref: str) -> None:
    seeded(paths)
    with pytest.raises(proposed.CommitMissing, match=f"has no commit {ref}"):
        emitted(paths, ref)


def test_a_file_is_no_commit(paths: Paths) -> None:
    blob = run_git(seeded(paths), "rev-parse", "HEAD:agent.nix")
    with pytest.raises(proposed.CommitMissing):
        emitted(paths, blob)


def test_an_ambiguous_id_asks_for_more_digits(paths: Paths) -> None:
    folder = seeded(paths)
    one, two = _two_commits_that_begin_alike(folder)
    with pytest.raises(proposed.CommitAmbiguous, match="give more digits"):
        emitted(paths, one[:7])
    assert emitted(paths, two).stat().st_size > 0


def _two_commits_that_begin_alike(folder: Path) -> tuple[str, str]:
    tree = run_git(folder, "rev-parse", "HEAD^{tree}")
    seen: dict[str, bytes] = {}
    for number in range(1_000_000):
        body = commit_body(tree, str(number))
        stored = b"commit %d\0%s" % (len(body), body)
        oid = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        if oid[:7] in seen:
            pair = (seen[oid[:7]], stored)
            return tuple(_store(folder, body) for body in pair)  # type: ignore[return-value]
        seen[oid[:7]] = stored
    raise AssertionError("no two of a million commits begin alike")


def _store(folder: Path, stored: bytes) -> str:
    oid = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
    path = folder / ".git" / "objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(stored))
    handed_over(folder)
    return oid


def test_a_branch_that_is_called_like_an_id_changes_nothing(paths: Paths, applied: Applied) -> None:
    folder = seeded(paths)
    commit_files(folder, {"agent.nix": b"{ }\n"})
    run_git(folder, "update-ref", "refs/heads/abcdef1", "HEAD")
    handed_over(folder)
    with pytest.raises(ProposalRefused, match="gave no commit abcdef1"):
        applied.receive(emitted(paths, "abcdef1"), "abcdef1", tag="proposal/1")


def test_alternates_do_not_reach_another_folder(paths: Paths, secret: Path) -> None:
    folder = seeded(paths)
    (folder / ".git/objects/info").mkdir(exist_ok=True)
    (folder / ".git/objects/info/alternates").write_text(f"{secret}/.git/objects\n")
    handed_over(folder)
    with pytest.raises(proposed.RepositoryUnreadable):
        emitted(paths, run_git(secret, "rev-parse", "HEAD"))


@pytest.mark.parametrize("kind", ["file", "link", "whole"])
def test_a_git_folder_elsewhere_is_not_read(paths: Paths, secret: Path, kind: str) -> None:
    folder = seeded(paths)
    (folder / ".git").rename(paths.state / "moved")
    if kind == "file":
        (folder / ".git").write_text(f"gitdir: {secret}/.git\n")
    elif kind == "link":
        (folder / ".git").symlink_to(secret / ".git")
    else:
        folder.rename(paths.state / "aside")
        folder.symlink_to(secret)
    with pytest.raises(proposed.RepositoryBroken):
        emitted(paths, run_git(secret, "rev-parse", "HEAD"))


@pytest.mark.parametrize("part", ["HEAD", "objects", "refs"])
def test_links_inside_the_git_folder_lead_nowhere(paths: Paths, secret: Path, part: str) -> None:
    folder = seeded(paths)
    (folder / ".git" / part).rename(paths.state / "moved")
    (folder / ".git" / part).symlink_to(secret / ".git" / part)
    with pytest.raises(proposed.RepositoryUnreadable):
        emitted(paths, run_git(secret, "rev-parse", "HEAD"))


def test_an_object_that_its_owner_cannot_read_is_not_served(paths: Paths, secret: Path) -> None:
    folder = seeded(paths)
    commit = run_git(secret, "rev-parse", "HEAD")
    for source in (secret / ".git/objects").glob("??/*"):
        target = folder / ".git/objects" / source.parent.name / source.name
        target.parent.mkdir(exist_ok=True)
        target.parent.chmod(0o755)
        os.link(source, target)
        source.chmod(0o400 if os.geteuid() == 0 else 0)
    with pytest.raises(proposed.RepositoryUnreadable):
        emitted(paths, commit)


def test_its_configuration_and_hooks_run_nothing_outside(paths: Paths, applied: Applied, tmp_path: Path) -> None:
    folder, marker = seeded(paths), tmp_path / "marker"
    commit = commit_files(folder, {"agent.nix": b"{ }\n", ".gitattributes": b"* filter=evil\n"})
    program = folder / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {marker} /proposed/marker\ncat\n")
    program.chmod(0o755)
    keys = (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.askPass",
        "filter.evil.clean",
        "filter.evil.smudge",
    )
    for key in (*keys, "uploadpack.packObjectsHook", "core.alternateRefsCommand", "diff.external", "gpg.program"):
        run_git(folder, "config", key, str(program))
    run_git(folder, "config", "core.hooksPath", str(folder))
    run_git(folder, "config", "remote.origin.url", f"ext::{program}")
    run_git(folder, "config", "remote.origin.promisor", "true")
    (folder / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-receive", "reference-transaction", "post-index-change"):
        (folder / hook).hardlink_to(program)
        (folder / ".git/hooks" / hook).hardlink_to(program)
    handed_over(folder)
    pinned = applied.receive(emitted(paths, commit), commit, tag="proposal/1")
    applied.checkout(pinned.commit)
    assert not marker.exists()
    assert not (folder / "marker").exists()
    assert (applied.path / "agent.nix").read_text() == "{ }\n"


def test_an_incomplete_repository_is_called_broken(paths: Paths) -> None:
    folder = seeded(paths)
    commit = run_git(folder, "rev-parse", "HEAD")
    blob = run_git(folder, "rev-parse", "HEAD:agent.nix")
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(proposed.RepositoryBroken, match="cannot be read"):
        emitted(paths, commit)


def test_no_repository_at_all(paths: Paths) -> None:
    with pytest.raises(proposed.RepositoryBroken, match="there is no proposed repository"):
        emitted(paths, "abcdef1")


def test_too_much_is_refused_and_nothing_is_written(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = commit_files(seeded(paths), {"big": os.urandom(200_000)})
    monkeypatch.setattr(proposed, "MAX_PACK", 100_000)
    with pytest.raises(proposed.RepositoryTooBig, match="without big files"):
        emitted(paths, commit)
    assert [file.stat().st_size for file in paths.state.glob("*.pack")] == [0]


def test_failures_that_differ_mean_that_somebody_writes(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter(["fatal: loose object 12 is corrupt", "error: unable to read 34", "fatal: packfile vanished"])

    def fail(*_: object) -> bytes:
        raise command.CommandFailed(["git"], 128, next(failures))

    monkeypatch.setattr(proposed, "_inside", fail)
    with pytest.raises(proposed.RepositoryBusy, match="changed while it was read: try again") as caught:
        emitted(paths, "abcdef1")
    assert caught.value.retryable


def test_running_out_of_time_can_be_tried_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise command.CommandTimedOut(["git"], -9, "took too long")

    monkeypatch.setattr(proposed, "_inside", fail)
    with pytest.raises(proposed.RepositoryBusy, match="took too long"):
        emitted(paths, "abcdef1")


def test_reading_while_the_manager_commits_and_repacks(paths: Paths, applied: Applied) -> None:
    folder = seeded(paths)
    commit = run_git(folder, "rev-parse", "HEAD")
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            commit_files(folder, {"agent.nix": b"{ } # %d\n" % number})
            run_git(folder, "repack", "-a", "-d", "--quiet")
            handed_over(folder)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(1, 8):
            try:
                pack = emitted(paths, commit[:10])
            except proposed.RepositoryBusy:
                continue
            assert applied.receive(pack, commit[:10], tag=f"proposal/{number}").commit == commit
    finally:
        done.set()
        writer.join()


def test_an_ordinary_user_can_read_its_own(ordinary_paths: Paths) -> None:
    def work() -> None:
        commit = proposed.seed_proposed(ordinary_paths, "alice", "{ }\n")
        repository = Applied(ordinary_paths.applied("alice"))
        assert repository.receive(emitted(ordinary_paths, commit[:7]), commit[:7], tag="proposal/1").commit == commit
        (ordinary_paths.proposed("alice") / ".git").rename(ordinary_paths.state / "real")
        (ordinary_paths.proposed("alice") / ".git").symlink_to(ordinary_paths.state / "real")
        with pytest.raises(proposed.RepositoryBroken):
            emitted(ordinary_paths, commit)

    as_user(ORDINARY_UID, work)
