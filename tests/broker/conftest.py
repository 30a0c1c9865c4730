from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.hive import Hive

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    hive = Hive()
    copy = tmp_path_factory.mktemp("template") / "hive.sqlite"
    shutil.copy(hive.paths.database, copy)
    hive.close()
    return copy


@pytest.fixture(scope="session")
def shared(template: Path) -> Iterator[Hive]:
    hive = Hive(template)
    hive.start()
    yield hive
    hive.close()


@pytest.fixture
def hive(shared: Hive) -> Hive:
    """One web process for all tests; each test takes agents of its own."""
    return shared


@pytest.fixture
def own_hive(template: Path) -> Iterator[Hive]:
    """A hive whose web process the test starts and ends."""
    hive = Hive(template)
    yield hive
    hive.close()


@pytest.fixture
def names(hive: Hive) -> Callable[..., list[str]]:
    """`names(2)` makes two agents nobody else has and returns their names."""

    def make(count: int, **options: object) -> list[str]:
        made = [f"t{next(_numbers)}" for _ in range(count)]
        hive.add(*made, **options)  # type: ignore[arg-type]
        return made

    return make
