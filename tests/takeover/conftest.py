from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.takeover.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all tests; its timeouts are daphne's."""
    made = World(tmp_path_factory.mktemp("w"))
    yield made
    made.close()


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[World]:
    """A server that asks after 1 s of silence, and gives up 1 s later."""
    made = World(tmp_path, ping=1, lost=1)
    yield made
    made.close()
