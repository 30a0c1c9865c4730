"""--wait shows the job's log and ends as the job does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.cli.hive import QuietHive


@pytest.fixture(scope="module")
def working(hive: QuietHive) -> Iterator[QuietHive]:
    process = hive.working()
    yield hive
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)


def test_a_job_that_is_done_is_0(working: QuietHive) -> None:
    done = working.hivectl("stop", "alice", "--wait")
    assert (done.returncode, done.stdout) == (0, "alice is stopped.\nstop of alice is done.\n")


def test_a_job_that_fails_is_1_and_says_why(working: QuietHive) -> None:
    done = working.hivectl("start", "alice", "--wait")
    assert done.returncode == 1
    assert "Starting alice with deployed/0" in done.stdout
    assert "hivectl: job" in done.stderr


def test_programs_get_one_value_however_long_the_log(working: QuietHive) -> None:
    row = working.ask("stop", "alice", "--wait")
    assert (row["kind"], row["agent"], row["status"], row["error"]) == ("stop", "alice", "done", "")
