from __future__ import annotations

import fcntl
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_cache() -> None:
    cache.clear()


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser("ada", password="a long password")


@pytest.fixture
def client(ada: User) -> Client:
    """A browser in which an operator is signed in."""
    browser = Client()
    browser.force_login(ada)
    return browser


@pytest.fixture
def guest(db: None) -> Client:
    """A browser of someone who may look, not act."""
    browser = Client()
    browser.force_login(User.objects.create_user("guest", password="a long password"))
    return browser


@pytest.fixture
def worker() -> Iterator[None]:
    """The worker's lock is held, as while it lives."""
    path = settings.HIVE_PATHS.worker_lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
