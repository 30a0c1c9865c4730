"""Control groups: memory, processor, number of processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agents.containers import cgroups, processes, record
from tests.containers import ordinary
from tests.containers.hive import SECONDS, Hive


def group(hive: Hive) -> dict[str, str]:
    found = record.read(str(hive.paths.shim("alice")), record.RUNNING)
    assert set(found["cgroup"]) == set(cgroups.CONTROLLERS)
    return dict(found["cgroup"])


def value(folder: str, *files: str) -> str:
    """The content of the first file that is there: version 1 and 2 name it differently."""
    return next(path.read_text().strip() for file in files if (path := Path(folder, file)).exists())


def test_who_takes_too_much_memory_is_ended_and_it_is_said(hive: Hive) -> None:
    hive.run(
        "report('ready'); sys.stdin; hoard = [bytearray(os.urandom(1 << 20)) for _ in range(300)]", memory_max="64M"
    )
    hive.answer()
    if hive.containers.is_running("alice"):
        processes.wait_gone(hive.process("shim"), SECONDS)
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.signal, status.oom, status.intended) == (signal.SIGKILL, True, False)


def test_a_childs_want_of_memory_is_not_the_agents_end(hive: Hive) -> None:
    body = (
        "if os.fork() == 0: hoard = [bytearray(os.urandom(1 << 20)) for _ in range(300)]\nreport(os.wait()[1])\nwait()"
    )
    hive.run(body, memory_max="64M")
    assert hive.answer() == signal.SIGKILL
    assert hive.answer() == "ready"
    hive.containers.stop("alice")
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.oom) == (0, False)


def test_the_limits_are_the_kernels(hive: Hive) -> None:
    hive.run(memory_max="128M", cpu_quota="150%")
    hive.answer()
    folders = group(hive)
    assert int(value(folders["memory"], "memory.limit_in_bytes", "memory.max")) == 128 << 20
    assert value(folders["cpu"], "cpu.cfs_quota_us", "cpu.max").split()[0] == "150000"
    assert int(value(folders["pids"], "pids.max")) == 4096
    inside = {pid for pid, _ in hive.whole()} - {hive.process("shim")[0]}
    assert set(cgroups.processes(folders)) == inside


def test_the_group_goes_with_the_run(hive: Hive) -> None:
    hive.run()
    hive.answer()
    folders = set(group(hive).values())
    hive.containers.stop("alice")
    assert not any(os.path.exists(folder) for folder in folders)
    assert not any(os.path.exists(os.path.dirname(folder)) for folder in folders)


@pytest.fixture
def delegated() -> list[str]:
    """Groups that an ordinary user may write and is in: what a session of systemd gives."""
    made, _ = cgroups.make(f"hyperhive-test-{os.getpid()}", "inner", 1 << 40, 10_000)
    return sorted({os.path.dirname(folder) for folder in made.values()})


def test_an_ordinary_user_uses_the_groups_it_was_given(delegated: list[str], tmp_path: Path) -> None:
    from agents import command

    program = f"""
import os
from pathlib import Path
from agents.containers import cgroups
group, missing = cgroups.make("family", "h-alice", 64 << 20, 50)
print(missing, cgroups.join(group), all(folder.startswith(tuple({delegated!r})) for folder in group.values()))
"""
    for folder in delegated:
        for path in [Path(folder), *Path(folder).rglob("*")]:
            os.chown(path, ordinary.UID, ordinary.UID)
    words = ordinary.argv(["-c", program], tmp_path)
    enter = "".join(f"echo $$ > {folder}/inner/cgroup.procs; " for folder in delegated)
    try:
        done = command.run(["sh", "-c", f'{enter}exec "$@"', "sh", *words], env=ordinary.environment(), timeout=30)
        assert done.text == "[] True True"
    finally:
        for folder in delegated:
            for path in sorted(Path(folder).rglob("*/"), key=lambda path: -len(path.parts)):
                path.rmdir() if path.is_dir() else None
            os.rmdir(folder)
