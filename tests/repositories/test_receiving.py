"""Nothing that an agent's repository gives is believed: what breaks a rule is refused, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.paths import Paths
from agents.repositories import receiving
from agents.repositories.applied import Applied, Limits, ProposalRefused, TagConflict
from tests.repositories import builders
from tests.repositories.builders import (
    BLOB,
    COMMIT,
    TREE,
    commit_files,
    commit_tree,
    emitted,
    handmade,
    seeded,
)

NIX = b"{ }\n"


def received(applied: Applied, pack: bytes, commit: str, limits: Limits | None = None, tag: str = "proposal/1") -> str:
    file = applied.path.with_suffix(".pack")
    file.write_bytes(pack)
    return applied.receive(file, commit, tag=tag, limits=limits or Limits()).commit


def untouched(applied: Applied) -> bool:
    git_dir = applied.path / ".git"
    objects = [path for path in (git_dir / "objects").rglob("*") if path.is_file()]
    return not objects and not list(git_dir.glob("quarantine-*")) and applied.tags() == {}


HOSTILE_TREES: dict[str, list[tuple[str, str, bytes | str]]] = {
    "a symbolic link": [("120000", "link", b"/etc/passwd")],
    "a submodule": [("160000", "module", "1" * 40)],
    "must not track .gitmodules": [("100644", ".gitmodules", b"")],
    "must not track flake.nix": [("100644", "flake.nix", NIX)],
    "must not track flake.lock": [("100644", "flake.lock", b"{}")],
    "Flake.nix: a proposal must not track flake.nix": [("100644", "Flake.nix", NIX)],
    ".gitconfig: names that begin with '.git'": [("100644", ".gitconfig", b"")],
    "control, invisible": [("100644", "a\nb", b"")],
    "'a\\u202eb': the name holds": [("100644", "a\u202eb", b"")],
    "not allowed": [("100644", "a\\b", b"")],
    "too long a path": [("100644", "a" * 201, b"")],
    "big has 1048577 bytes; the limit is 1048576": [("100644", "big", bytes(1048577))],
}


@pytest.mark.parametrize("rule", HOSTILE_TREES)
def test_a_tree_that_breaks_a_rule_is_refused(paths: Paths, applied: Applied, rule: str) -> None:
    commit = commit_tree(seeded(paths), [*HOSTILE_TREES[rule], ("100644", "agent.nix", NIX)])
    with pytest.raises(ProposalRefused) as caught:
        applied.receive(emitted(paths, commit), commit, tag="proposal/1")
    assert rule in str(caught.value)
    assert untouched(applied)


def test_rules_hold_in_folders_too(paths: Paths, applied: Applied) -> None:
    commit = commit_files(seeded(paths), {"deep/er/flake.nix": NIX})
    with pytest.raises(ProposalRefused, match=r"deep/er/flake\.nix: a proposal must not track"):
        applied.receive(emitted(paths, commit), commit, tag="proposal/1")


def test_agent_nix_must_be_there(paths: Paths, applied: Applied) -> None:
    commit = commit_tree(seeded(paths), [("100644", "other.nix", NIX)])
    with pytest.raises(ProposalRefused, match=r"agent\.nix is missing"):
        applied.receive(emitted(paths, commit), commit, tag="proposal/1")


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/../../b", "/etc/passwd", "git~1", ".g\u200cit"])
def test_names_that_leave_the_folder_are_refused(applied: Applied, name: str) -> None:
    pack, commit = handmade({name: b"x", "agent.nix": NIX})
    with pytest.raises(ProposalRefused, match="git's own check"):
        received(applied, pack, commit)
    assert untouched(applied)


def test_two_files_of_one_name_are_refused(applied: Applied) -> None:
    blob = builders.object_id(BLOB, NIX)
    tree = builders.tree_body(("100644", "agent.nix", blob), ("100644", "agent.nix", blob))
    commit = builders.commit_body(builders.object_id(TREE, tree))
    pack = builders.plain_pack([(BLOB, NIX), (TREE, tree), (COMMIT, commit)])
    with pytest.raises(ProposalRefused, match="duplicate"):
        received(applied, pack, builders.object_id(COMMIT, commit))


def test_a_gibibyte_in_a_megabyte_is_refused_before_it_is_inflated(applied: Applied) -> None:
    bomb = builders.packed_object(BLOB, 1 << 30, builders.zeros(1 << 30))
    assert len(bomb) < 1_200_000
    with pytest.raises(ProposalRefused, match="1073741824 bytes"):
        received(applied, builders.pack_of(bomb), "a" * 40)
    assert untouched(applied)


def test_a_delta_that_grows_to_a_gibibyte_is_refused(applied: Applied) -> None:
    delta = builders.delta_of(4, 1 << 30)
    base = hashlib.sha1(b"blob 4\0" + NIX, usedforsecurity=False).digest()
    grown = builders.packed_object(builders.REFERENCE_DELTA, len(delta), base + zlib.compress(delta))
    pack = builders.pack_of(builders.packed_object(BLOB, 4, zlib.compress(NIX)), grown)
    with pytest.raises(ProposalRefused, match="1073741824 bytes"):
        received(applied, pack, "a" * 40)


def test_a_big_file_of_the_past_is_named(paths: Paths, applied: Applied) -> None:
    folder = seeded(paths)
    commit_files(folder, {"film.mp4": os.urandom(2000)})
    builders.run_git(folder, "rm", "--quiet", "film.mp4")
    commit = commit_files(folder, {})
    with pytest.raises(ProposalRefused, match=r"film\.mp4 \(in the history of the commit\) has 2000 bytes"):
        applied.receive(emitted(paths, commit), commit, tag="proposal/1", limits=Limits(blob=1000))


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(files=2), "more than 2 files|3 files"),
        (Limits(total=5), "together have"),
        (Limits(objects=3), "more than 3 objects"),
        (Limits(pack=100), "more than 100 bytes packed"),
        (Limits(history=50), "of everything 50"),
    ],
)
def test_every_cap_is_told(paths: Paths, applied: Applied, limits: Limits, text: str) -> None:
    commit = commit_files(seeded(paths), {"a": b"aaa", "b": b"bbb"})
    with pytest.raises(ProposalRefused, match=text):
        applied.receive(emitted(paths, commit), commit, tag="proposal/1", limits=limits)
    assert untouched(applied)


def test_a_tree_that_repeats_itself_ten_to_the_tenth_is_refused(applied: Applied) -> None:
    parts = [(BLOB, NIX)]
    oid, mode = builders.object_id(BLOB, NIX), "100644"
    for _ in range(10):
        tree = builders.tree_body(*((mode, f"f{number}", oid) for number in range(10)))
        parts.append((TREE, tree))
        oid, mode = builders.object_id(TREE, tree), "40000"
    commit = builders.commit_body(oid)
    pack = builders.plain_pack([*parts, (COMMIT, commit)])
    with pytest.raises(ProposalRefused, match="more than 1000 files"):
        received(applied, pack, builders.object_id(COMMIT, commit))
    assert untouched(applied)


def test_ten_thousand_files_are_refused(applied: Applied) -> None:
    pack, commit = handmade({"agent.nix": NIX, **{f"f{number:05}": b"%d" % number for number in range(10_000)}})
    with pytest.raises(ProposalRefused, match="files"):
        received(applied, pack, commit)


def _honest() -> tuple[bytes, str]:
    return handmade({"agent.nix": NIX})


@pytest.mark.parametrize(
    "damage",
    [
        lambda pack: b"",
        lambda pack: b"no pack at all, but long enough to be one",
        lambda pack: pack[:-30],
        lambda pack: pack[:40],
        lambda pack: pack[:-1] + bytes([pack[-1] ^ 1]),
        lambda pack: pack[:14] + bytes([pack[14] ^ 0xFF]) + pack[15:],
        lambda pack: pack[:8] + (2).to_bytes(4, "big") + pack[12:],
        lambda pack: pack[:8] + (9999).to_bytes(4, "big") + pack[12:],
        lambda pack: pack[:12] + b"\xff" * 1000 + pack[12:],
    ],
)
def test_a_damaged_pack_is_refused(applied: Applied, damage: Callable[[bytes], bytes]) -> None:
    pack, commit = _honest()
    with pytest.raises(ProposalRefused, match=r"propose again|the limit of a file"):
        received(applied, damage(pack), commit)
    assert untouched(applied)


def test_the_host_finds_out_itself_what_an_id_means(applied: Applied) -> None:
    pack, commit = _honest()
    with pytest.raises(ProposalRefused, match="gave no commit abcdef1"):
        received(applied, pack, "abcdef1")
    with pytest.raises(ProposalRefused, match="gave no commit"):
        received(applied, pack, builders.object_id(BLOB, NIX))
    with pytest.raises(ProposalRefused, match="is not a commit id"):
        received(applied, pack, "main")
    assert received(applied, pack, commit[:7]) == commit


def test_two_commits_of_one_beginning_are_refused() -> None:
    commits = ["abcdef1" + "0" * 33, "abcdef1" + "1" * 33]
    with pytest.raises(ProposalRefused, match="give more digits"):
        receiving._resolved("abcdef1", commits)
    assert receiving._resolved("abcdef11", commits) == commits[1]


def test_a_history_with_a_hole_is_refused(applied: Applied) -> None:
    tree = builders.tree_body(("100644", "agent.nix", builders.object_id(BLOB, NIX)))
    body = builders.commit_body(builders.object_id(TREE, tree)).replace(b"author", b"parent " + b"1" * 40 + b"\nauthor")
    pack = builders.plain_pack([(BLOB, NIX), (TREE, tree), (COMMIT, body)])
    with pytest.raises(ProposalRefused):
        received(applied, pack, builders.object_id(COMMIT, body))
    assert untouched(applied)


def test_a_shallow_clone_is_refused(paths: Paths, applied: Applied) -> None:
    folder = seeded(paths)
    commit = commit_files(folder, {"agent.nix": NIX})
    (folder / ".git/shallow").write_text(f"{commit}\n")
    builders.handed_over(folder)
    with pytest.raises(ProposalRefused, match=r"incomplete|damaged"):
        applied.receive(emitted(paths, commit), commit, tag="proposal/1")


def test_objects_of_another_proposal_do_not_fill_a_hole(applied: Applied) -> None:
    pack, commit = _honest()
    received(applied, pack, commit)
    tree = builders.tree_body(("100644", "agent.nix", builders.object_id(BLOB, NIX)))
    body = builders.commit_body(builders.object_id(TREE, tree), "borrows")
    alone = builders.plain_pack([(COMMIT, body)])
    with pytest.raises(ProposalRefused):
        received(applied, alone, builders.object_id(COMMIT, body), tag="proposal/2")
    assert set(applied.tags()) == {"proposal/1"}


def test_receiving_again_is_success(applied: Applied) -> None:
    pack, commit = _honest()
    assert received(applied, pack, commit) == received(applied, pack, commit)
    assert list(applied.tags()) == ["proposal/1"]


def test_a_tag_that_stands_elsewhere_is_not_moved(applied: Applied) -> None:
    pack, commit = _honest()
    other, second = handmade({"agent.nix": b"{ } # 2\n"})
    received(applied, pack, commit)
    with pytest.raises(TagConflict, match=r"proposal/1 stands on .* it is not moved"):
        received(applied, other, second)
    assert applied.tags()["proposal/1"].commit == commit


def test_a_descriptor_can_be_read(applied: Applied, tmp_path: Path) -> None:
    pack, commit = _honest()
    (tmp_path / "pack").write_bytes(pack)
    with (tmp_path / "pack").open("rb") as file:
        assert applied.receive(file.fileno(), commit[:8], tag="proposal/1").commit == commit


def test_what_a_killed_run_left_in_quarantine_goes(applied: Applied) -> None:
    (applied.path / ".git" / "quarantine-dead" / "pack").mkdir(parents=True)
    received(applied, *_honest())
    assert not list((applied.path / ".git").glob("quarantine-*"))


def test_packs_do_not_pile_up(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.repositories.applied._MANY_PACKS", 3)
    commits = {}
    for number in range(1, 6):
        pack, commit = handmade({"agent.nix": b"{ } # %d\n" % number})
        commits[f"proposal/{number}"] = received(applied, pack, commit, tag=f"proposal/{number}")
    assert len(list((applied.path / ".git/objects/pack").glob("*.pack"))) <= 4
    assert {name: tag.commit for name, tag in applied.tags().items()} == commits
    assert applied.read_file(commits["proposal/1"], "agent.nix") == b"{ } # 1\n"
