"""Runs one command and leaves nothing of it: `python -I -S keeper.py ARGV…`, started by the harness.

As the subreaper (prctl(2)) of everything below it, it is the parent of each process whose own parent has ended, in
whatever session that process hides. When the command ends, when SIGTERM comes, and when the harness dies, it kills
what is left, waits for it, and exits with the command's status (128 and the number for a signal). Imports nothing of
the harness: it starts in some 20 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(argv: list[str]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    waited = {*ends, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    child = os.fork()
    if child == 0:
        _become(argv, waited)
    status = None
    while status is None:
        if signal.sigwait(waited) in ends:
            break
        status = _collect(child)
    return _end(child, status)


def _become(argv: list[str], waited: set[signal.Signals]) -> None:
    """Own session: a command cannot signal the keeper by its group."""
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)
        os.execvp(argv[0], argv)  # noqa: S606 - what a keeper is for
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _collect(child: int) -> int | None:
    """Reap what has ended; the child's status once it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == child:
            found = status


def _end(child: int, status: int | None) -> int:
    """Stop everything first, so that nothing can go on starting others; then kill it and wait for it."""
    while True:
        stopped: set[int] = set()
        while new := _descendants(os.getpid()) - stopped:
            for pid in new:
                _signal(pid, signal.SIGSTOP)
            stopped |= new
        for pid in stopped:
            _signal(pid, signal.SIGKILL)
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        status = ended if pid == child else status
    if status is None:
        return 128 + signal.SIGTERM
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _descendants(pid: int) -> set[int]:
    parents = {int(entry): _parent(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    found: set[int] = set()
    below = {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below} - found
        found |= below
    return found


def _parent(pid: str) -> int:
    """proc_pid_stat(5): the fourth field; the second one, a name in brackets, may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
