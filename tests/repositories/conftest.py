from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.paths import Paths
from agents.repositories.applied import Applied
from tests.repositories.builders import ORDINARY_UID


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "state").mkdir()
    return Paths(tmp_path / "state", tmp_path / "run")


@pytest.fixture
def applied(paths: Paths) -> Applied:
    repository = Applied(paths.applied("alice"))
    repository.ensure()
    return repository


@pytest.fixture
def ordinary_paths() -> Iterator[Paths]:
    """A hive that an ordinary user can use: pytest's own folders belong to whoever runs the tests."""
    root = Path(tempfile.mkdtemp(prefix="hive-ordinary-"))
    for folder in (root, root / "state", root / "run"):
        folder.mkdir(exist_ok=True)
        os.chown(folder, ORDINARY_UID, -1)
    yield Paths(root / "state", root / "run")
    shutil.rmtree(root)
