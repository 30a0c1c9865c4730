"""Work that is called off ends at its next wait, and what must be finished is finished."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from agents import command, interruption
from agents.interruption import Interrupted


def test_a_program_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    begun, late = tmp_path / "begun", tmp_path / "late"
    script = f"(sleep 60; touch {late}) & touch {begun}; sleep 60"
    started = time.monotonic()
    with pytest.raises(Interrupted), interruption.stoppable(begun.exists):
        command.run(["sh", "-c", script], timeout=60)
    assert time.monotonic() - started < 50, "it was not waited for"
    assert not late.exists()


def test_without_a_wish_nothing_is_interrupted() -> None:
    with interruption.stoppable(lambda: False):
        assert command.run(["sh", "-c", "sleep 0.5; echo done"], timeout=30).text == "done"
    interruption.check()


def test_a_step_that_must_be_finished_is() -> None:
    with interruption.stoppable(lambda: True):
        with interruption.unstoppable():
            assert command.run(["echo", "done"], timeout=30).text == "done"
        with pytest.raises(Interrupted):
            interruption.check()


def test_other_threads_go_on() -> None:
    ended: list[str] = []
    with interruption.stoppable(lambda: True):
        thread = threading.Thread(target=lambda: ended.append(command.run(["echo", "x"], timeout=30).text))
        thread.start()
        thread.join()
    assert ended == ["x"]
