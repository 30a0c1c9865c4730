"""What containers do by themselves is noticed; what a job does to them is none of the watch's business."""

from __future__ import annotations

import pytest

from agents import events, jobs, watch
from agents.actors import SYSTEM
from agents.containers.protocol import ExitStatus
from agents.models import Agent, Change, Job
from tests import builders

pytestmark = pytest.mark.django_db


class Kernel:
    """Containers as the watch sees them: which run, and how the others ended."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.status: ExitStatus | None = ExitStatus(code=0, signal=None, at=0.0, intended=True)

    def is_running(self, name: str) -> bool:
        return name in self.alive

    def exit_status(self, _name: str) -> ExitStatus | None:
        return self.status

    def logs(self, _name: str, _lines: int) -> list[str]:
        return ["the last words"]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(watch, "containers", lambda: kernel)
    return kernel


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(events, "_subscribers", [lambda event: seen.append(event.kind)])
    return seen


def _alice(**fields: object) -> Agent:
    return builders.agent("alice", **{"running": True, "connected": True, "wanted": True, **fields})


def _fresh() -> Agent:
    return Agent.objects.get(name="alice")


def test_a_crash_is_recorded_with_its_last_words_and_told(kernel: Kernel, told: list[str]) -> None:
    kernel.status = ExitStatus(code=1, signal=None, at=0.0)
    watch.note_end(_alice())
    alice = _fresh()
    assert (alice.failed, alice.running, alice.connected, alice.wanted) == (True, False, False, True)
    assert "exit code 1" in alice.failure
    assert "the last words" in alice.failure
    assert told == ["container_crash"]
    assert {"agents", "operator"} <= set(Change.objects.values_list("topic", flat=True))
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ExitStatus(code=None, signal=9, at=0.0, oom=True), "out of memory"),
        (ExitStatus(code=None, signal=11, at=0.0), "signal 11"),
        (None, "nobody saw how"),
    ],
)
def test_other_ends_by_itself_are_crashes_too(kernel: Kernel, status: ExitStatus | None, words: str) -> None:
    kernel.status = status
    watch.note_end(_alice())
    assert words in _fresh().failure


def test_an_end_that_was_asked_for_is_followed_by_a_start(kernel: Kernel) -> None:
    watch.note_end(_alice())
    assert not _fresh().failed
    assert Job.objects.get().kind == "start"


def test_an_agent_that_is_not_wanted_stays_down(kernel: Kernel) -> None:
    watch.note_end(_alice(wanted=False))
    assert not _fresh().running
    assert not Job.objects.exists()


def test_an_agent_that_a_job_works_on_is_left_alone(kernel: Kernel) -> None:
    kernel.status = ExitStatus(code=1, signal=None, at=0.0)
    alice = _alice()
    jobs.request("restart", alice, actor=SYSTEM)
    watch.note_end(alice)
    assert (_fresh().running, _fresh().failed) == (True, False)


def test_a_round_finds_exactly_those_that_have_ended(kernel: Kernel) -> None:
    kernel.alive = {"bob"}
    _alice()
    builders.agent("bob", running=True)
    watch.Watch().look()
    assert list(Agent.objects.filter(running=True).values_list("name", flat=True)) == ["bob"]


def test_a_start_of_the_worker_adopts_what_runs_and_starts_what_should(kernel: Kernel) -> None:
    kernel.alive = {"bob"}
    _alice()
    builders.agent("bob", running=False, wanted=True)
    builders.agent("carol", running=True, wanted=False)
    watch.adopt()
    assert list(Agent.objects.filter(running=True).values_list("name", flat=True)) == ["bob"]
    assert [(job.kind, job.agent.name) for job in Job.objects.all()] == [("start", "alice")]
