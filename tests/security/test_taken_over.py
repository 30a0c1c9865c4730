"""The hive's own user turned hostile: what it owns is exchanged for links, so that root reads or writes elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agents.containers.logfile import tail
from agents.nixconfig.evaluate import evaluate_tree
from agents.nixconfig.snapshot import snapshot
from agents.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    for folder in ("state/logs", "state/jobs", "runtime", "secret/tree"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "secret" / "tree" / "agent.nix").write_text('{ hyperhive.instructions = "root\'s own"; }')
    (tmp_path / "secret" / "auth.log").write_text("somebody signed in\n")
    return Paths(tmp_path / "state", tmp_path / "runtime")


def test_a_link_in_place_of_the_logs_shows_no_other_log(paths: Paths, tmp_path: Path) -> None:
    log = paths.container_log("auth")
    log.parent.rmdir()
    log.parent.symlink_to(tmp_path / "secret")
    assert tail(str(log), 20) == []


def test_a_second_name_of_another_log_shows_nothing(paths: Paths, tmp_path: Path) -> None:
    log = paths.container_log("auth")
    os.link(tmp_path / "secret" / "auth.log", log)
    assert tail(str(log), 20) == []


@pytest.mark.parametrize("exchanged", ["jobs", "jobs/7", "jobs/7/tree"])
def test_a_link_in_place_of_a_jobs_folder_evaluates_nothing_else(paths: Paths, tmp_path: Path, exchanged: str) -> None:
    secret = tmp_path / "secret"
    target = {"jobs": tmp_path / "other", "jobs/7": secret, "jobs/7/tree": secret / "tree"}[exchanged]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "7").symlink_to(secret)
    place = paths.state / exchanged
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        place.rmdir()
    place.symlink_to(target)
    answer = json.loads(evaluate_tree(paths, 7))
    assert list(answer) == ["error"]
    assert "root's own" not in str(answer)


def test_steps_out_of_the_folder_lead_nowhere(paths: Paths, tmp_path: Path) -> None:
    (paths.state / "jobs" / "7").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="Not a directory"):
        snapshot(paths.state, "jobs/7/tree", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
