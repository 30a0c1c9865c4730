from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers.as_root.outside import Outside, somewhere_outside


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    with somewhere_outside() as found:
        yield found
