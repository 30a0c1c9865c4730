from __future__ import annotations

import fcntl
import os

import pytest
from django.conf import settings
from django.db import OperationalError

from agents import command, jobs
from agents.actors import SYSTEM
from agents.jobs import JobFailed, Kind, Run
from agents.models import Job
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_kinds", dict(jobs._kinds))
    monkeypatch.setattr(jobs, "_enqueue", [])


def _kind(handler: object, **fields: object) -> None:
    jobs.register("test", Kind(handler, Job.Lane.CONTAINER, **fields))  # type: ignore[arg-type]


def _requested() -> Job:
    return jobs.request("test", builders.agent(), actor=SYSTEM)


def test_a_job_runs_once_and_ends_done() -> None:
    ran: list[int] = []
    _kind(lambda run: ran.append(run.job.pk))
    job = _requested()
    jobs.run(job.pk)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (ran, job.status, job.attempts) == ([job.pk], Job.Status.DONE, 1)


def test_a_failure_keeps_its_text_and_tells_whoever_cares() -> None:
    told: list[str] = []

    def handler(run: Run) -> None:
        raise JobFailed("no room")

    _kind(handler, failed=lambda job, error: told.append(error))
    job = _requested()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error, told) == (Job.Status.FAILED, "no room", ["no room"])
    assert [line.text for line in job.lines.all()] == ["no room"]


def test_an_unexpected_error_never_leaves_a_job_running() -> None:
    _kind(lambda run: 1 / 0)
    job = _requested()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert "ZeroDivisionError" in job.error


def test_two_jobs_of_one_agent_never_run_together() -> None:
    inner: list[str] = []

    def handler(run: Run) -> None:
        second = jobs.request("test", run.agent, actor=SYSTEM, options={"n": 2})
        jobs.run(second.pk)
        second.refresh_from_db()
        inner.append(second.status)

    _kind(handler)
    jobs.run(_requested().pk)
    assert inner[0] == Job.Status.QUEUED


def test_the_next_job_is_poked_when_one_ends() -> None:
    poked: list[int] = []
    _kind(lambda run: None)
    first = _requested()
    second = jobs.request("test", first.agent, actor=SYSTEM, options={"n": 2})
    jobs.register_queue(poked.append)
    jobs.run(first.pk)
    assert poked == [second.pk]


def test_the_same_job_waits_only_once() -> None:
    _kind(lambda run: None)
    job = _requested()
    assert jobs.request("test", job.agent, actor=SYSTEM) == job


def test_a_job_cut_off_is_driven_again() -> None:
    ran: list[int] = []
    _kind(lambda run: ran.append(1))
    job = _requested()
    Job.objects.filter(pk=job.pk).update(status=Job.Status.RUNNING, attempts=1)
    assert [waiting.pk for waiting in jobs.reconcile()] == [job.pk]
    jobs.run(job.pk)
    assert ran == [1]


def test_a_job_cut_off_too_often_is_given_up_and_told() -> None:
    told: list[str] = []
    _kind(lambda run: None, failed=lambda job, error: told.append(error))
    job = _requested()
    Job.objects.filter(pk=job.pk).update(status=Job.Status.RUNNING, attempts=jobs.MAX_ATTEMPTS)
    assert jobs.reconcile() == []
    job.refresh_from_db()
    assert job.status == Job.Status.INTERRUPTED
    assert "given up" in told[0]


def test_a_job_that_loses_the_database_is_driven_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(run: Run) -> None:
        if run.job.attempts < 2:
            raise OperationalError("the server closed the connection")

    poked: list[int] = []
    _kind(handler)
    job = _requested()
    jobs.register_queue(poked.append)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, poked) == (Job.Status.QUEUED, [job.pk])
    assert "driven again" in job.lines.get().text
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.DONE


@pytest.mark.django_db(transaction=True)
def test_how_a_job_ended_is_told_even_when_the_database_is_away_just_then(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    finish = jobs._finish

    def away_at_first(this: Run, status: str, error: str) -> None:
        tries.append(status)
        if len(tries) < 3:
            raise OperationalError("connection refused")
        finish(this, status, error)

    monkeypatch.setattr(jobs, "_finish", away_at_first)
    monkeypatch.setattr(jobs, "_DATABASE_SECONDS", 0.0)
    _kind(lambda run: None)
    job = _requested()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, len(tries)) == (Job.Status.DONE, 3)


def test_commands_of_a_job_hold_its_lock() -> None:
    held: list[bool] = []

    def handler(run: Run) -> None:
        process = command.start(["sleep", "30"])
        descriptor = os.open(settings.HIVE_PATHS.agent_lock(run.agent.name, run.job.lane), os.O_RDWR)
        listing = os.listdir(f"/proc/{process.pid}/fd")
        targets = {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in listing}
        held.append(str(settings.HIVE_PATHS.agent_lock(run.agent.name, run.job.lane)) in targets)
        command.kill_group(process)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)

    _kind(handler)
    jobs.run(_requested().pk)
    assert held == [True]


def test_the_scratch_folder_goes_with_the_job() -> None:
    _kind(lambda run: (run.folder / "x").write_text("y"))
    job = _requested()
    jobs.run(job.pk)
    assert not settings.HIVE_PATHS.job(job.pk).exists()
