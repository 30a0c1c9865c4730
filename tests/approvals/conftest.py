from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings

from agents import backend
from tests.approvals.hive import PlayedContainers


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedContainers]:
    """Played containers on empty roots."""
    played = PlayedContainers()
    monkeypatch.setattr(backend, "local", lambda paths: played)
    backend.containers.cache_clear()
    _empty()
    yield played
    backend.containers.cache_clear()
    _empty()


def _empty() -> None:
    paths = settings.HIVE_PATHS
    for folder in (paths.state / "agents", paths.state / "applied", paths.meta, paths.shared, paths.state / "jobs"):
        shutil.rmtree(folder, ignore_errors=True)
