"""Sandboxes without bubblewrap."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from agents import command
from agents.containers import processes
from agents.naming import host_uid
from agents.sandbox import Bind, Sandbox
from tests.containers.hive import Hive, gone

ISOLATED = """
writes = [write(path) for path in ("/agents/alice/config/x", "/usr/x", "/agents/alice/state/x", "/dev/shm/x")]
processes = [name for name in os.listdir("/proc") if name.isdigit()]
report([os.getuid(), os.listdir("/agents"), *writes, os.path.exists("/var/lib"), len(processes)])
wait()
"""


@pytest.fixture(autouse=True)
def no_bubblewrap(without: Callable[..., None]) -> None:
    without("bwrap")


def test_an_agent_is_just_as_isolated(hive: Hive) -> None:
    hive.run(ISOLATED, network="private")
    uid, agents, config, system, notes, shm, host, count = hive.answer()
    assert (uid, agents, host) == (host_uid("alice"), ["alice"], False)
    assert {config, system} <= {"OSError", "PermissionError"}
    assert (notes, shm) == ("done", "done")
    assert count <= 3


def test_it_stops(hive: Hive) -> None:
    hive.run()
    hive.answer()
    everything = hive.whole()
    hive.containers.stop("alice")
    assert not any(map(processes.alive, everything))
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.intended) == (0, True)


@pytest.mark.parametrize("victim", ["shim", "launcher", "init"])
def test_a_killed_part_leaves_nothing_behind(hive: Hive, victim: str) -> None:
    hive.run()
    hive.answer()
    everything = hive.whole()
    target = hive.process("shim" if victim == "launcher" else victim)[0]
    os.kill(processes.children(target)[0] if victim == "launcher" else target, signal.SIGKILL)
    assert gone(everything)
    assert not hive.containers.is_running("alice")


def test_it_has_no_capabilities_and_no_descriptors(hive: Hive) -> None:
    body = "lines = dict(line.split(':\\t') for line in open('/proc/self/status') if ':\\t' in line)\n"
    hive.run(
        body + "pipe.close(); fds = os.listdir('/proc/self/fd'); pipe = open('/agents/alice/state/answers', 'w')\n"
        "report([lines['CapBnd'].strip(), lines['CapEff'].strip(), lines['NoNewPrivs'].strip(), sorted(fds)])"
    )
    bound, effective, no_new, fds = hive.answer()
    assert (int(bound, 16), int(effective, 16), no_new, fds) == (0, 0, "1", ["0", "1", "2", "3"])


def test_other_sandboxes_work_too() -> None:
    sandbox = Sandbox(uid=1000, env={"PATH": "/usr/bin"}, network="none")
    assert command.run(sandbox.argv(["cat", "/proc/self/status", "/dev/null"]), timeout=20)
    with pytest.raises(command.CommandFailed) as failure:
        command.run(sandbox.argv(["sh", "-c", "exit 7"]), timeout=20)
    assert failure.value.code == 7


def test_what_it_does_not_understand_it_refuses() -> None:
    with pytest.raises(command.CommandFailed, match="--share-net"):
        command.run(Sandbox(uid=1000, options=("--share-net",)).argv(["true"]), timeout=20)


def test_a_source_that_is_missing_is_named() -> None:
    with pytest.raises(command.CommandFailed, match="no-such"):
        command.run(Sandbox(uid=1000, binds=(Bind(Path("/no-such"), "/x"),)).argv(["true"]), timeout=20)
