"""Whoever owns web and worker still does not get the host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.containers import folders
from agents.containers.engine import LocalContainers
from agents.containers.folders import FolderRefused, Owners
from agents.containers.protocol import ContainerFailed
from tests.containers.hive import Hive, spec

HIVE = (65534, 65534)


@pytest.fixture
def containers(hive: Hive) -> LocalContainers:
    return LocalContainers(hive.paths, Owners(HIVE), command=["sleep", "60"])


@pytest.mark.parametrize("what", ["agents", "shared"])
def test_a_root_folder_made_by_the_hives_user_is_refused(hive: Hive, containers: LocalContainers, what: str) -> None:
    containers.create("bob")
    place = hive.paths.state / what
    place.rename(hive.paths.state / "elsewhere")
    place.mkdir()
    os.chown(place, *HIVE)
    with pytest.raises(FolderRefused, match="belongs to user 65534"):
        containers.create("alice")


@pytest.mark.parametrize("what", ["logs", "run"])
def test_a_link_in_the_place_of_its_folders_is_not_followed(
    hive: Hive, containers: LocalContainers, tmp_path: Path, what: str
) -> None:
    containers.create("alice")
    place = hive.paths.container_log("alice").parent if what == "logs" else hive.paths.agent_runtime("alice")
    place.rmdir()
    place.symlink_to(tmp_path)
    os.lchown(place, *HIVE)
    with pytest.raises(FolderRefused, match="not a link"):
        containers.start(spec())
    assert os.listdir(tmp_path) == []


def test_a_runtime_folder_exchanged_at_the_last_moment_is_noticed(
    containers: LocalContainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "checked", lambda *_: tmp_path.stat())
    with pytest.raises(ContainerFailed, match="was exchanged"):
        containers.start(spec())
    assert not containers.is_running("alice")


def test_variables_act_only_on_the_agents_own_user(hive: Hive) -> None:
    """LD_PRELOAD must not reach what still has privileges."""
    hive.run("report(os.environ['LD_PRELOAD'])", environment={"LD_PRELOAD": "/agents/alice/state/evil.so"})
    assert hive.answer() == "/agents/alice/state/evil.so"
    complaints = [line for line in hive.containers.logs("alice") if "evil.so" in line]
    assert len(complaints) <= 1  # the harness's own loader; not sh, chown or setpriv before it
