from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.broker.conftest import template
from tests.broker.hive import Hive
from tests.screen.desktop import Desktop, desktop
from tests.screen.operator import Operator

__all__ = ["template"]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def hive(template: object) -> Iterator[Hive]:
    hive = Hive(template)  # type: ignore[arg-type]
    hive.start()
    yield hive
    hive.close()


@pytest.fixture(scope="session")
def ada(hive: Hive) -> Operator:
    return Operator(hive)


@pytest.fixture
def name(hive: Hive) -> str:
    """An agent that nobody else has."""
    made = f"s{next(_numbers)}"
    hive.add(made)
    return made


@pytest.fixture
def shown(hive: Hive, name: str) -> Iterator[Desktop]:
    """A desktop on the screen of `name`."""
    with desktop(hive.paths.vnc_socket(name)) as running:
        yield running


@pytest.fixture
def another(hive: Hive) -> Callable[..., Operator]:
    return lambda name, **rights: Operator(hive, name, **rights)
