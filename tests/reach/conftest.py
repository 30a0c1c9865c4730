from __future__ import annotations

import fcntl
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.reach.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _worker() -> Iterator[None]:
    """The worker's lock is held: whoever tells of what needs a person is the worker."""
    path = settings.HIVE_PATHS.worker_lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
