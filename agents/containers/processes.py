"""Processes by pid and start time, so that a number that was given out again never means the wrong one.

Few imports: the shim uses it.
"""

from __future__ import annotations

import os
import select
import signal

Process = tuple[int, int]
"""(pid, start time in clock ticks since boot)"""


def stat(pid: int) -> tuple[int, int, str] | None:
    """(parent, start time, state letter) of a process, or None when it is gone (proc(5), `stat`)."""
    try:
        words = slurp(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:  # hidepid: it is there, and that is all one can know
        return 0, 0, "?"
    return int(words[1]), int(words[19]), words[0].decode()


def slurp(path: str) -> bytes:
    """A small file's content, in a third of the time that a file object takes."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def identify(pid: int) -> Process | None:
    found = stat(pid)
    return None if found is None else (pid, found[1])


def alive(process: Process) -> bool:
    pid, started = process
    found = stat(pid)
    return found is not None and found[1] in (started, 0) and found[2] not in "ZX"


def send(process: Process, number: int) -> bool:
    """Send a signal to exactly this process; False when it is gone."""
    fd = _open(process)
    if fd is None:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def wait_gone(process: Process, seconds: float) -> bool:
    """Wait until the process has ended; False when it still lives after `seconds`."""
    fd = _open(process)
    if fd is None:
        return True
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(max(0, int(seconds * 1000))))
    finally:
        os.close(fd)


def children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return [child for child, parent in _parents().items() if parent == pid]


def descendants(pid: int) -> list[int]:
    """Every process below `pid`; of a namespace's init, that is the whole namespace."""
    parents = _parents()
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found += level
    return found


def command_line(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _open(process: Process) -> int | None:
    try:
        fd = os.pidfd_open(process[0])
    except ProcessLookupError:
        return None
    if alive(process):
        return fd
    os.close(fd)
    return None


def _parents() -> dict[int, int]:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            entry = stat(int(name))
            if entry is not None:
                found[int(name)] = entry[0]
    return found
