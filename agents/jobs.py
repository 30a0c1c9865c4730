"""Jobs: a database state machine (queued → running → done | failed | interrupted) around work on one agent.

A job is claimed by compare-and-set, holds the agent's flock while it runs (its commands inherit it), does its
effects outside any transaction and records how it ended. What a killed worker leaves behind is driven again.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from agents import command, feed, locks
from agents.actors import Actor
from agents.models import Agent, Job, JobLine

MAX_ATTEMPTS = 3
_LOCK_SECONDS = 30.0
_DATABASE_SECONDS = 1.0
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class JobFailed(Exception):
    """The work cannot be done; the text tells the operator why and what to do."""


@dataclass(frozen=True)
class Run:
    """What a handler gets: the claimed job, its agent, and where to write."""

    job: Job
    agent: Agent

    @property
    def folder(self) -> Path:
        """Scratch folder, removed when the job is over."""
        folder: Path = settings.HIVE_PATHS.job(self.job.pk)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, text: str) -> None:
        """Append lines to the job's log; whoever watches sees them at once."""
        with transaction.atomic():
            JobLine.objects.bulk_create(JobLine(job=self.job, text=line) for line in text.splitlines() if line.strip())
            feed.publish("joblog", self.job.pk)


@dataclass(frozen=True)
class Kind:
    """How a kind of job is done. `failed` runs after the job has ended without success."""

    handler: Callable[[Run], None]
    lane: str
    failed: Callable[[Job, str], None] | None = None


_kinds: dict[str, Kind] = {}
_enqueue: list[Callable[[int], object]] = []


def register(name: str, kind: Kind) -> None:
    _kinds[name] = kind


def register_queue(enqueue: Callable[[int], object]) -> None:
    """`enqueue(job id)` pokes a worker; set once by the task module."""
    _enqueue[:] = [enqueue]


def request(
    kind: str, agent: Agent, *, actor: Actor, approval_id: int | None = None, options: dict[str, object] | None = None
) -> Job:
    """Record the intent and poke the worker after commit. The same job already waiting is returned instead."""
    with transaction.atomic():
        locks.hold(agent)
        waiting = Job.objects.filter(
            agent=agent, kind=kind, approval_id=approval_id, options=options or {}, status=Job.Status.QUEUED
        ).first()
        if waiting is not None:
            return waiting
        job = Job.objects.create(
            agent=agent,
            kind=kind,
            lane=_kinds[kind].lane,
            approval_id=approval_id,
            options=options or {},
            requested_by=str(actor),
        )
        feed.publish("jobs", job.pk)
        transaction.on_commit(lambda: poke(job.pk))
    return job


def poke(job_id: int) -> None:
    """Tell a worker that this job may be ready."""
    for enqueue in _enqueue:
        enqueue(job_id)


def run(job_id: int) -> None:
    """Claim and do one job. Does nothing when another worker has it or the agent is busy in this lane."""
    job = _insist(lambda: _claim(job_id))
    if job is None:
        return
    this = Run(job, job.agent)
    status, error = Job.Status.DONE, ""
    try:
        with agent_lock(job.agent.name, job.lane):
            _kinds[job.kind].handler(this)
    except JobFailed as failure:
        status, error = Job.Status.FAILED, str(failure)
    except OperationalError as lost:
        _recover(job, lost)
        return
    except Exception as failure:
        logger.exception("job %s failed unexpectedly", job)
        status, error = Job.Status.FAILED, f"{type(failure).__name__}: {failure}"
    _insist(lambda: _finish(this, status, error))


def _recover(job: Job, lost: OperationalError) -> None:
    """The database went away under the job: once it is back, what was begun is driven again as after a restart."""
    logger.warning("job %s lost the database: %s", job, lost)
    _insist(lambda: _drive_again(Job.objects.select_related("agent").get(pk=job.pk), "The database went away"))
    _insist(lambda: poke(job.pk))


def _insist(work: Callable[[], Result]) -> Result:
    """What `work` returns, tried again and again while the database is away: nobody else looks after the job."""
    while True:
        try:
            return work()
        except OperationalError as error:
            logger.warning("waiting for the database: %s", error)
            connection.close()
            time.sleep(_DATABASE_SECONDS)


@contextlib.contextmanager
def agent_lock(name: str, lane: str) -> Iterator[None]:
    """Hold the agent's flock; programs started meanwhile inherit it and so keep it while they live."""
    path = settings.HIVE_PATHS.agent_lock(name, lane)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _flock(descriptor, name)
        with command.inherited(descriptor):
            yield
    finally:
        os.close(descriptor)


def reconcile() -> list[Job]:
    """After a start: jobs whose worker is gone are driven again, or fail after too many tries. Pokes all that wait."""
    for job in Job.objects.filter(status=Job.Status.RUNNING):
        _drive_again(job, "The worker ended")
    waiting = list(Job.objects.filter(status=Job.Status.QUEUED).order_by("id"))
    for job in waiting:
        poke(job.pk)
    return waiting


def _drive_again(job: Job, what: str) -> None:
    """Queue a job that was cut off, or end it after too many tries. Does nothing when it is not running any more."""
    if not Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING).update(status=Job.Status.INTERRUPTED):
        return
    if job.attempts < MAX_ATTEMPTS:
        Job.objects.filter(pk=job.pk).update(status=Job.Status.QUEUED)
        Run(job, job.agent).log(f"{what} in the middle of this job: it is driven again.")
    else:
        _ended(job, f"given up after {job.attempts} tries: {what.lower()} in the middle each time")


def _claim(job_id: int) -> Job | None:
    try:
        with transaction.atomic():
            claimed = Job.objects.filter(pk=job_id, status=Job.Status.QUEUED).update(
                status=Job.Status.RUNNING, started_at=timezone.now(), attempts=F("attempts") + 1
            )
            feed.publish("jobs", job_id)
    except IntegrityError:
        return None
    return Job.objects.select_related("agent").get(pk=job_id) if claimed else None


def _finish(this: Run, status: str, error: str) -> None:
    if error:
        this.log(error)
    shutil.rmtree(settings.HIVE_PATHS.job(this.job.pk), ignore_errors=True)
    with transaction.atomic():
        Job.objects.filter(pk=this.job.pk).update(status=status, error=error, finished_at=timezone.now())
        feed.publish("jobs", this.job.pk)
        feed.publish("agents", this.agent.pk)
    if status != Job.Status.DONE:
        _ended(this.job, error)
    following = (
        Job.objects.filter(agent=this.agent, lane=this.job.lane, status=Job.Status.QUEUED).order_by("id").first()
    )
    if following is not None:
        poke(following.pk)


def _ended(job: Job, error: str) -> None:
    failed = _kinds[job.kind].failed
    if failed is not None:
        failed(job, error)


def _flock(descriptor: int, name: str) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise JobFailed(
                    f"a command of an earlier job on {name} still runs; try again when it has ended"
                ) from None
            time.sleep(0.05)
        else:
            return
