"""The worker: does the jobs, watches containers, budgets and the clock, freezes, tidies feed and events.

One per hive.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import threading
import time

from django.conf import settings
from django.db import DatabaseError, connection
from huey.consumer import Consumer

from agents import commits, feed, freezing, jobs, watch
from agents.containers import privileged
from agents.models import Agent
from approvals import manager, redrive, tags
from broker import eventlog
from broker.clock import Clock
from hiveproject import budgets, stuck
from hiveproject.reach.following import Following

STOP_SECONDS = 8.0
_LOCK_SECONDS = 0.5
_PRUNE_SECONDS = 600.0
logger = logging.getLogger(__name__)


class AnotherWorker(Exception):
    """A worker of this hive runs already."""


def run() -> None:
    """Work until SIGTERM or SIGINT. Raises `AnotherWorker`."""
    lock = _hold_lock()
    privileged.use(settings.HIVE_PATHS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _take_up()
    consumer = _consumer()
    consumer.start()
    for number in (signal.SIGTERM, signal.SIGINT):  # the consumer has put its own in place
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=watch.Watch().follow, args=(stop,), name="watch", daemon=True)]
    threads.append(threading.Thread(target=freezing.Freezer().follow, args=(stop,), name="freezer", daemon=True))
    threads.append(threading.Thread(target=stuck.Lookout().follow, args=(stop,), name="stuck", daemon=True))
    threads.append(threading.Thread(target=budgets.Purser().follow, args=(stop,), name="budgets", daemon=True))
    threads.append(threading.Thread(target=_prune, args=(stop,), name="prune", daemon=True))
    threads.append(threading.Thread(target=Following().follow, args=(stop,), name="reach", daemon=True))
    clock = Clock(commits.watch().changed)
    threads.append(threading.Thread(target=clock.follow, args=(stop,), name="clock", daemon=True))
    for thread in threads:
        thread.start()
    logger.info("the worker is ready")
    while not stop.wait(10):
        consumer.check_worker_health()
    consumer.stop_flag.set()
    settings.HUEY.storage.wake()
    consumer.stop(graceful=True)
    os.close(lock)


def _take_up() -> None:
    """Go on where the last worker ended."""
    again = jobs.reconcile()
    if again:
        logger.info("%d jobs wait or are driven again", len(again))
    redrive.redrive()
    for agent in Agent.objects.live():
        tags.reconcile(agent)
    tags.reconcile_meta()
    watch.adopt()
    manager.ensure()


def _hold_lock() -> int:
    path = settings.HIVE_PATHS.worker_lock
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise
            if time.monotonic() > deadline:
                raise AnotherWorker(f"another worker runs for the hive in {settings.HIVE_PATHS.state}") from error
            time.sleep(0.05)
        else:
            return descriptor


def _consumer() -> Consumer:
    """Huey's consumer: threads that wait for the queue; nothing is scheduled or periodic, so that part sleeps."""
    return Consumer(
        settings.HUEY,
        workers=settings.HIVE_WORKER_THREADS,
        periodic=False,
        scheduler_interval=60,
        worker_type="thread",
        shutdown_timeout=STOP_SECONDS,
    )


def _prune(stop: threading.Event) -> None:
    while not stop.wait(_PRUNE_SECONDS):
        try:
            feed.prune()
            eventlog.prune()
        except DatabaseError as error:
            logger.warning("feed and events could not be tidied, trying again later: %s", error)
        finally:
            connection.close()
