from __future__ import annotations

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client

pytestmark = pytest.mark.django_db


def test_it_answers_ok_when_everything_is_there(worker: None) -> None:
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    assert answer.content == b'{"status":"ok","web":"ok","worker":"ok","database":"ok"}'


def test_a_worker_that_never_started_is_named() -> None:
    settings.HIVE_PATHS.worker_lock.unlink(missing_ok=True)
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "web": "ok", "worker": "down", "database": "ok"}


def test_a_worker_that_has_ended_is_named() -> None:
    settings.HIVE_PATHS.worker_lock.parent.mkdir(parents=True, exist_ok=True)
    settings.HIVE_PATHS.worker_lock.touch()
    assert Client().get("/healthz").json()["worker"] == "down"


def test_a_database_that_fails_is_named(worker: None) -> None:
    def refuse(*_args: object) -> None:
        raise DatabaseError("disk I/O error")

    with connection.execute_wrapper(refuse):
        answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "web": "ok", "worker": "ok", "database": "down"}
