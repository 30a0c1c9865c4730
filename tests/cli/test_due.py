"""What fell due while nothing ran is done by the worker at its start, once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.hive import QuietHive

ROWS = """
from datetime import timedelta
from django.utils import timezone
from broker import questions, reminders, schedules
from broker.models import Delivery, Question, Reminder, Schedule
agent("hm1nd", wanted=False)
agent("alice")
yesterday = timezone.now() - timedelta(days=1)
reminders.remind("alice", "remember", delay_seconds=1)
reminders.remind("alice", "not yet", delay_seconds=3600)
schedules.create(schedules.Plan("alice", "again", every=60), approval_id=1, requested_by="agent:alice")
questions.ask(Sender.agent("alice"), "operator", "now?", ttl_seconds=60)
send(Sender.agent("hm1nd"), "alice", "quick", ttl_seconds=60)
Reminder.objects.filter(text="remember").update(due_at=yesterday)
Schedule.objects.update(next_at=yesterday)
Question.objects.update(expires_at=yesterday)
Delivery.objects.filter(message__body="quick").update(expires_at=yesterday)
"""
SECONDS = 60.0


@pytest.fixture
def late() -> Iterator[QuietHive]:
    quiet = QuietHive()
    quiet.prepare(ROWS)
    yield quiet
    quiet.close()


def inbox(hive: QuietHive) -> list[dict[str, Any]]:
    return [row for row in reversed(hive.ask("inbox", "alice")) if row["state"] == "queued"]


def test_a_downtime_is_caught_up_with_once(late: QuietHive) -> None:
    worker = late.working()
    try:
        deadline = time.monotonic() + SECONDS
        while len(inbox(late)) < 3 or not late.ask("dead-letters"):
            assert time.monotonic() < deadline, inbox(late)
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(30)
        assert worker.stdout is not None
        worker.stdout.close()
    found = {row["body"].splitlines()[0]: row["sender"] for row in inbox(late)}
    assert found == {"remember": "alice", "again": "system", "[expired]": "system"}
    assert [letter["body"] for letter in late.ask("dead-letters")] == ["quick"]
    assert [row["fired"] for row in late.ask("schedules")] == [1]
    assert late.ask("questions") == []
