"""The few system calls that Python has no function for: mount namespaces, mounts, process controls, capabilities.

Each raises `OSError` with the path concerned. See unshare(2), mount(2), prctl(2), capset(2).
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 2, 4, 32, 4096, 16384, 1 << 19
_CLONE_NEWNS = 0x00020000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def new_mount_namespace() -> None:
    """Give this process mounts of its own; what the machine mounts later still appears in it."""
    _check(_libc.unshare(_CLONE_NEWNS), "mount namespace")
    mount(None, "/", flags=MS_REC | MS_SLAVE)


def mount(
    source: str | None, target: str | Path, kind: str | None = None, flags: int = 0, options: str | None = None
) -> None:
    encoded = [None if word is None else str(word).encode() for word in (source, target, kind, options)]
    where, what, filesystem, data = encoded
    result = _libc.mount(where, what, filesystem, ctypes.c_ulong(flags), data)
    _check(result, str(target))


def bind(descriptor: int, target: Path, *, writable: bool) -> None:
    """Show the file or folder behind an open descriptor at `target` too."""
    mount(f"/proc/self/fd/{descriptor}", target, flags=MS_BIND | MS_REC)
    if not writable:
        mount(None, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)


def end_with_parent(parent: int, number: int = signal.SIGTERM) -> None:
    """Have the kernel send `number` to this process when its parent, expected to be `parent`, ends.

    A change of user ids clears it: call this afterwards.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Make this process the parent of what its descendants leave behind."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def drop_root(uid: int, gid: int) -> None:
    """Become another user for good: no capability, and none to be had from any program file."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capabilities")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
