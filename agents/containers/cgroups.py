"""An agent's control groups, version 1 or 2, whichever this process may write (cgroups(7)).

A group is a mapping of controller (`memory`, `cpu`, `pids`, `freezer`) to folder; under version 2 all are the same
folder. Few imports: the shim uses it.
"""

from __future__ import annotations

import errno
import os
import signal
import time

CONTROLLERS = ("memory", "cpu", "pids", "freezer")
Group = dict[str, str]

_CPU_PERIOD = 100_000
_MAX_PROCESSES = 4096
_EMPTY_SECONDS = 5.0


def make(family: str, name: str, memory: int, cpu_percent: int) -> tuple[Group, list[str]]:
    """Make `<family>/<name>` with its limits; also the controllers that could not be had."""
    group: Group = {}
    for controller in CONTROLLERS:
        for parent in _candidates(controller):
            folder = os.path.join(parent, family, name)
            if _made(parent, folder, controller):
                group[controller] = folder
                break
            if folder not in group.values():
                remove({controller: folder})
    quota = cpu_percent * _CPU_PERIOD // 100
    missing = [controller for controller in CONTROLLERS if controller not in group]
    for controller, file1, file2, value in (
        ("memory", "memory.limit_in_bytes", "memory.max", str(memory)),
        ("cpu", "cpu.cfs_period_us", None, str(_CPU_PERIOD)),
        ("cpu", "cpu.cfs_quota_us", "cpu.max", str(quota)),
        ("pids", "pids.max", "pids.max", str(_MAX_PROCESSES)),
    ):
        if controller in group and not _set(group[controller], file1, file2, value) and controller not in missing:
            missing.append(controller)
    return group, missing


def join(group: Group) -> bool:
    """Put this process in; what it starts is in too. False when the kernel refuses one of them."""
    entered = [_write(folder, "cgroup.procs", "0") for folder in set(group.values())]
    return all(entered)


def processes(group: Group) -> list[int]:
    found: set[int] = set()
    for folder in set(group.values()):
        found.update(int(line) for line in _read(folder, "cgroup.procs").split())
    return sorted(found)


def kill(group: Group) -> bool:
    """End everything in the group, frozen or not; False when something is still there after some seconds."""
    deadline = time.monotonic() + _EMPTY_SECONDS
    while pids := processes(group):
        if time.monotonic() > deadline:
            return False
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        freeze(group, frozen=False)
        time.sleep(0.002)
    return True


def freeze(group: Group, *, frozen: bool) -> bool:
    """Hold or release the group; False when it cannot be done this way. Returns when it is done."""
    folder = group.get("freezer")
    if folder is None:
        return False
    if _is_v2(folder):
        done = _write(folder, "cgroup.freeze", "1" if frozen else "0")
        seen = ("cgroup.events", "frozen 1" if frozen else "frozen 0")
    else:
        done = _write(folder, "freezer.state", "FROZEN" if frozen else "THAWED")
        seen = ("freezer.state", "FROZEN" if frozen else "THAWED")
    deadline = time.monotonic() + _EMPTY_SECONDS
    while done and seen[1] not in _read(folder, seen[0]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return done


def oom_kills(group: Group) -> int:
    """How many of its processes the kernel ended for want of memory."""
    folder = group.get("memory", "")
    for line in _read(folder, "memory.events" if _is_v2(folder) else "memory.oom_control").splitlines():
        key, _, value = line.partition(" ")
        if key == "oom_kill":
            return int(value)
    return 0


def remove(group: Group) -> None:
    """Remove the group's folders, with the folder of the family once it is empty."""
    for folder in set(group.values()):
        for path in (folder, os.path.dirname(folder)):
            try:
                os.rmdir(path)
            except OSError:
                break


def writable_controllers() -> list[str]:
    """The controllers in which this process may make groups, found out by doing it."""
    family = f"hyperhive-probe-{os.getpid()}"
    group, missing = make(family, "probe", 1 << 30, 100)
    remove(group)
    return [controller for controller in CONTROLLERS if controller in group and controller not in missing]


def _candidates(controller: str) -> list[str]:
    """Folders to make the family's folder in: the top of the hierarchy first, our own group last."""
    found: list[str] = []
    for mount, version2 in _mounts(controller):
        own = _own_path(None if version2 else controller).strip("/")
        parts = own.split("/") if own else []
        found += [os.path.join(mount, *parts[:depth]) for depth in range(len(parts) + 1)]
    return found


def _mounts(controller: str) -> list[tuple[str, bool]]:
    """(mount point, is version 2) of the hierarchies that may know this controller; version 1 first."""
    version1, version2 = [], []
    for line in _read("/proc/self", "mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.partition(" ")
        mount = left.split(" ")[4]
        if kind == "cgroup" and controller in options.split(" ")[-1].split(","):
            version1.append((mount, False))
        elif kind == "cgroup2" and (
            controller == "freezer" or controller in _read(mount, "cgroup.controllers").split()
        ):
            version2.append((mount, True))
    return version1 + version2


def _own_path(controller: str | None) -> str:
    for line in _read("/proc/self", "cgroup").splitlines():
        number, names, path = line.split(":", 2)
        if (controller is None and number == "0" and not names) or (controller and controller in names.split(",")):
            return path
    return "/"


def _made(parent: str, folder: str, controller: str) -> bool:
    """Make the folder so that the controller works in it and this process may move into it."""
    family = os.path.dirname(folder)
    if not os.access(os.path.join(parent, "cgroup.procs"), os.W_OK):
        return False
    try:
        for path in (family, folder):
            try:
                os.mkdir(path)
            except FileExistsError:
                continue
    except OSError:
        return False
    if controller != "freezer" and _is_v2(folder):
        return _enable(parent, controller) and _enable(family, controller)
    return True


def _enable(folder: str, controller: str) -> bool:
    if controller in _read(folder, "cgroup.subtree_control").split():
        return True
    return _write(folder, "cgroup.subtree_control", f"+{controller}")


def _is_v2(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "cgroup.events"))


def _set(folder: str, file1: str, file2: str | None, value: str) -> bool:
    if not _is_v2(folder):
        return _write(folder, file1, value)
    if file2 is None:
        return True
    return _write(folder, file2, f"{value} {_CPU_PERIOD}" if file2 == "cpu.max" else value)


def _read(folder: str, file: str) -> str:
    try:
        with open(os.path.join(folder, file)) as stream:
            return stream.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENODEV, errno.EOPNOTSUPP):
            return ""
        raise


def _write(folder: str, file: str, value: str) -> bool:
    try:
        with open(os.path.join(folder, file), "w") as stream:
            stream.write(value)
    except OSError:
        return False
    return True
