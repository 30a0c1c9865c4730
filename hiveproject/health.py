"""Whether the parts of the hive are there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

_LOCKS = Path("/proc/locks")


def parts() -> dict[str, str]:
    """`ok` or `down` for web, worker and database."""
    return {"web": "ok", "worker": "ok" if worker_lives() else "down", "database": "ok" if _database() else "down"}


def worker_lives() -> bool:
    """The worker holds its lock as long as it lives, whatever ends it."""
    try:
        descriptor = os.open(settings.HIVE_PATHS.worker_lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _is_locked(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Asked of the kernel's table first (proc_locks(5)): trying the lock can be in the way of a worker that starts."""
    mark = f":{os.fstat(descriptor).st_ino} "
    try:
        listed = any(" FLOCK " in line and mark in line for line in _LOCKS.read_text().splitlines())
    except OSError:
        listed = False
    # Some file systems show another inode number there.
    return listed or _cannot_lock(descriptor)


def _cannot_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM agents_agent LIMIT 1")
    except DatabaseError:
        return False
    return True
