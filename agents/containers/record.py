"""What a shim leaves on disk: its lock, who runs, how the last run ended.

Few imports, and json only once it is needed: the shim uses it, and has started its sandbox by then.

The folder belongs to whoever starts shims (root, or the one user); no container sees it.
"""

from __future__ import annotations

import fcntl
import os
import time
from signal import SIGKILL

from agents.containers.processes import Process, alive, slurp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOCK, RUNNING, ENDED, INTENDED = "lock", "running.json", "ended.json", "intended"


def hold(folder: str) -> int:
    """Take the shim's lock for as long as the returned descriptor is open."""
    fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def is_held(folder: str) -> bool:
    try:
        fd = os.open(f"{folder}/{LOCK}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def write(folder: str, name: str, value: Any) -> None:
    """Write a file of the folder whole or not at all."""
    import json

    path = os.path.join(folder, name)
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    try:
        os.write(fd, json.dumps(value).encode())
    finally:
        os.close(fd)
    os.rename(f"{path}.new", path)


def read(folder: str, name: str) -> Any:
    """The file's content, or None when there is none."""
    import json

    try:
        return json.loads(slurp(f"{folder}/{name}"))
    except (FileNotFoundError, ValueError):
        return None


def remove(folder: str, *names: str) -> None:
    for name in names:
        try:
            os.unlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue


def process(running: Any, role: str) -> Process | None:
    """The pid and start time of the `shim`, `init` or `harness` in a running record."""
    pair = running.get(role) if isinstance(running, dict) else None
    return (int(pair[0]), int(pair[1])) if pair else None


def is_running(folder: str) -> bool:
    """True while the shim holds its lock and the container's first process is alive."""
    if not is_held(folder):
        return False
    init = process(read(folder, RUNNING), "init")
    return init is not None and alive(init)


def ended_by_force(folder: str) -> dict[str, Any]:
    """The end of a run whose shim was killed before it could write one."""
    intended = read(folder, INTENDED) is not None
    return {"code": None, "signal": int(SIGKILL), "at": time.time(), "oom": False, "intended": intended}
