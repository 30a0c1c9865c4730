"""The proposed repository is written once by the host, and then belongs to the manager."""

from __future__ import annotations

import os

import pytest

from agents import naming
from agents.paths import Paths
from agents.repositories import proposed
from tests.repositories.builders import ORDINARY_UID, as_user, commit_files, run_git, seeded


def test_it_makes_one_commit_by_the_hive(paths: Paths) -> None:
    commit = proposed.seed_proposed(paths, "alice", "{ }\n")
    folder = paths.proposed("alice")
    assert (
        run_git(folder, "log", "--format=%H %an <%ae> %D") == f"{commit} hive-c0re <hive-c0re@hyperhive> HEAD -> main"
    )
    assert run_git(folder, "show", "HEAD:agent.nix") == "{ }"
    assert run_git(folder, "status", "--porcelain") == ""


def test_it_belongs_to_the_manager_and_everybody_may_read(paths: Paths) -> None:
    folder = seeded(paths)
    owner = naming.host_uid(naming.MANAGER) if os.geteuid() == 0 else os.geteuid()
    for path in [folder, *folder.rglob("*")]:
        assert path.lstat().st_uid == owner, path
        assert path.lstat().st_mode & 0o444 == 0o444, path


def test_a_second_time_touches_nothing(paths: Paths) -> None:
    folder = seeded(paths)
    later = commit_files(folder, {"agent.nix": b'{ hyperhive.model = "x"; }\n'})
    assert proposed.seed_proposed(paths, "alice", "{ }\n") == later
    assert (folder / "agent.nix").read_text() == '{ hyperhive.model = "x"; }\n'


def test_what_a_killed_run_left_is_made_anew(paths: Paths) -> None:
    leftover = paths.agent("alice") / ".proposed" / ".git"
    leftover.mkdir(parents=True)
    (leftover / "index.lock").touch()
    seeded(paths)
    assert not leftover.parent.exists()


def test_an_empty_folder_is_filled(paths: Paths) -> None:
    paths.proposed("alice").mkdir(parents=True)
    assert (seeded(paths) / "agent.nix").exists()


def test_a_folder_with_something_else_in_it_is_refused_and_kept(paths: Paths) -> None:
    paths.proposed("alice").mkdir(parents=True)
    (paths.proposed("alice") / "notes").write_text("mine")
    with pytest.raises(proposed.RepositoryBroken, match="cannot be read"):
        seeded(paths)
    assert (paths.proposed("alice") / "notes").read_text() == "mine"


def test_a_link_in_place_of_the_agents_folder_is_refused(paths: Paths) -> None:
    (paths.state / "agents").mkdir()
    (paths.state / "elsewhere").mkdir()
    paths.agent("alice").symlink_to(paths.state / "elsewhere")
    with pytest.raises(proposed.RepositoryBroken, match="not a folder of the hive's own"):
        seeded(paths)
    assert list((paths.state / "elsewhere").iterdir()) == []


def test_an_ordinary_user_can_seed_too(ordinary_paths: Paths) -> None:
    def work() -> None:
        commit = proposed.seed_proposed(ordinary_paths, "alice", "{ }\n")
        assert proposed.head_commit(ordinary_paths, "alice") == commit

    as_user(ORDINARY_UID, work)
