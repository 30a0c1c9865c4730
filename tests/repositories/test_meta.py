"""The flake that holds every agent, built by a real Nix against a small stand-in for the hive's own flake."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import command
from agents.paths import Paths
from agents.repositories import meta
from agents.repositories.git import git
from agents.repositories.hosted import Hosted
from agents.repositories.wrapper import flake_text, nix_string, wrapper_text
from tests.repositories.builders import ORDINARY_UID, as_user

STUB = Path(__file__).parent / "stub-flake.nix"
NIX_CONFIG = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
"""


@pytest.fixture
def stub(tmp_path: Path) -> str:
    (tmp_path / "hive").mkdir()
    shutil.copy(STUB, tmp_path / "hive" / "flake.nix")
    return f"path:{tmp_path}/hive"


@pytest.fixture
def deploy(paths: Paths, tmp_path: Path, stub: str) -> Callable[..., meta.Staged]:
    """Stage an agent with this agent.nix, in a job folder of its own."""
    jobs = iter(range(1, 100))

    def staged(name: str, text: str = "{ }", port: int = 7000) -> meta.Staged:
        job = paths.job(next(jobs))
        tree = job / "tree"
        tree.mkdir(parents=True)
        (tree / "agent.nix").write_text(text)
        return meta.stage(paths.meta, job, name, tree, dashboard_port=port, hyperhive_url=stub)

    return staged


def nix(folder: Path, *arguments: str) -> str:
    store = {f"NIX_{name}_DIR": str(folder / name.lower()) for name in ("STORE", "STATE", "LOG", "CONF")}
    env = command.clean_environment(HOME=str(folder), NIX_CONFIG=NIX_CONFIG, **store)
    return command.run(["nix", *arguments], timeout=60, env=env, cwd=folder).text


def built(folder: Path, flake: Path, name: str) -> dict[str, Any]:
    attribute = f"path:{flake}#nixosConfigurations.{name}.config.system.build.toplevel"
    nix(folder, "build", "--no-write-lock-file", "--out-link", str(folder / "result"), attribute)
    settings: dict[str, Any] = json.loads((folder / "result").read_text())
    return settings


def test_a_staged_agent_builds(deploy: Callable[..., meta.Staged], tmp_path: Path) -> None:
    staged = deploy("alice", '{ pkgs, ... }: { imports = [ { hyperhive.model = "x"; } ]; services.a = true; }')
    settings = built(tmp_path, staged.folder, "alice")
    assert settings["kind"] == "agent"
    assert (settings["hyperhive"], settings["services"]) == ({"model": "x"}, {"a": True})
    assert settings["programs"]["git"]["config"]["user"] == {"name": "alice", "email": "alice@hyperhive"}
    assert settings["systemd"]["services"]["hive-ag3nt"]["environment"] == {
        "HIVE_PORT": "8879",
        "HIVE_LABEL": "alice",
        "HIVE_DASHBOARD_PORT": "7000",
    }


def test_the_manager_and_a_name_that_nix_knows_build(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    meta.adopt(paths.meta, deploy("hm1nd"), "hm1nd")
    staged = deploy("if")
    manager = built(paths.state, staged.folder, "hm1nd")
    assert (manager["kind"], list(manager["systemd"]["services"])) == ("manager", ["hive-m1nd"])
    assert built(paths.state, staged.folder, "if")["kind"] == "agent"


def test_a_configuration_that_fails_names_the_file(deploy: Callable[..., meta.Staged], tmp_path: Path) -> None:
    with pytest.raises(command.CommandFailed, match="undefined variable 'nonsense'"):
        built(tmp_path, deploy("alice", "{ x = nonsense; }").folder, "alice")


def test_staging_changes_nothing_until_adopted(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    staged = deploy("alice")
    assert Hosted(paths.meta).main() is None
    commit = meta.adopt(paths.meta, staged, "alice: first")
    log = git(paths.meta, "log", "--format=%H %an <%ae> %s", "main").decode().strip()
    assert log == f"{commit} hive-c0re <hive-c0re@hyperhive> alice: first"
    assert (paths.meta / "agents/alice/tree/agent.nix").read_text() == "{ }"


def test_adopting_again_makes_no_second_commit(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    staged = deploy("alice")
    assert meta.adopt(paths.meta, staged, "once") == meta.adopt(paths.meta, staged, "twice")


def test_two_deploys_that_overlap_keep_each_other(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    meta.adopt(paths.meta, deploy("alice", "{ old = 1; }"), "alice")
    one, two = deploy("alice", "{ new = 1; }"), deploy("bob", "{ }")
    meta.adopt(paths.meta, one, "alice")
    commit = meta.adopt(paths.meta, two, "bob")
    repository = Hosted(paths.meta)
    assert repository.read_file(commit, "agents/alice/tree/agent.nix") == b"{ new = 1; }"
    assert b'"alice"' in repository.read_file(commit, "flake.nix")
    assert b'"bob"' in repository.read_file(commit, "flake.nix")


def test_files_that_are_gone_from_the_tree_go(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    staged = deploy("alice")
    (staged.folder / "agents/alice/tree/old.nix").write_text("{ }")
    meta.adopt(paths.meta, staged, "with")
    commit = meta.adopt(paths.meta, deploy("alice"), "without")
    assert "agents/alice/tree/old.nix" not in Hosted(paths.meta).files(commit)


def test_a_new_port_reaches_every_wrapper(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    meta.adopt(paths.meta, deploy("alice", port=7000), "alice")
    staged = deploy("bob", port=7777)
    assert '"7777"' in (staged.folder / "agents/alice/default.nix").read_text()


def test_a_lock_file_is_kept(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    meta.adopt(paths.meta, deploy("alice"), "alice")
    (paths.meta / "flake.lock").write_text("{}\n")
    git(paths.meta, "add", "flake.lock")
    git(paths.meta, "commit", "--quiet", "-m", "locked")
    staged = deploy("bob")
    assert (staged.folder / "flake.lock").read_text() == "{}\n"
    assert "flake.lock" in Hosted(paths.meta).files(meta.adopt(paths.meta, staged, "bob"))


def test_an_agent_can_be_removed_and_once_more(
    deploy: Callable[..., meta.Staged], paths: Paths, stub: str, tmp_path: Path
) -> None:
    for name in ("alice", "bob"):
        meta.adopt(paths.meta, deploy(name), name)
    job = tmp_path / "job"
    job.mkdir()
    first = meta.remove(paths.meta, job, "alice", hyperhive_url=stub)
    assert meta.remove(paths.meta, job, "alice", hyperhive_url=stub) == first
    assert not (paths.meta / "agents/alice").exists()
    assert built(tmp_path, paths.meta, "bob")["kind"] == "agent"


def test_what_a_killed_adoption_left_does_not_matter(deploy: Callable[..., meta.Staged], paths: Paths) -> None:
    staged = deploy("alice")
    for name in ("index.lock", "commit-index", "commit-index.lock", "refs/heads/main.lock", "HEAD.lock"):
        (paths.meta / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (paths.meta / ".git" / name).write_text("left")
    staged.folder.with_name("meta-next").mkdir()
    assert meta.adopt(paths.meta, staged, "alice") == Hosted(paths.meta).main()


@pytest.mark.parametrize("text", ["plain", "${x}", "$${x}", '"', "\\", "\\${x}", "a\nb\tc\rd", "''${x}''", "$", "ü"])
def test_nix_reads_an_escaped_string_as_it_was(text: str) -> None:
    env = command.clean_environment(HOME="/nonexistent", NIX_CONFIG="experimental-features =")
    words = ["nix-instantiate", "--eval", "--json", "--store", "dummy://", "--expr", nix_string(text)]
    assert json.loads(command.run(words, timeout=30, env=env).stdout) == text


def test_the_flake_lists_agents_and_quotes_its_input() -> None:
    text = flake_text('path:/x"${y}', ["alice", "hm1nd"])
    assert r'inputs.hyperhive.url = "path:/x\"\${y}";' in text
    assert '"alice" = hyperhive.nixosConfigurations."agent-base".extendModules' in text
    assert '"hm1nd" = hyperhive.nixosConfigurations."manager".extendModules' in text
    assert "systemd.services.hive-m1nd.environment" in wrapper_text("hm1nd", 7000)


def test_an_ordinary_user_can_stage_and_adopt(ordinary_paths: Paths) -> None:
    def work() -> None:
        tree = ordinary_paths.job(1) / "tree"
        tree.mkdir(parents=True)
        (tree / "agent.nix").write_text("{ }")
        staged = meta.stage(ordinary_paths.meta, ordinary_paths.job(1), "alice", tree, dashboard_port=1)
        assert meta.adopt(ordinary_paths.meta, staged, "alice")

    as_user(ORDINARY_UID, work)
    assert os.stat(ordinary_paths.meta).st_uid == ORDINARY_UID
