"""Starting, ending, and what is alive afterwards."""

from __future__ import annotations

import os
import shlex
import signal
import sys

import pytest

from agents import command
from agents.containers import processes
from agents.containers.engine import LocalContainers
from agents.containers.protocol import ContainerFailed, VerbRefused
from tests.containers.hive import SECONDS, Hive, gone, spec

STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); report('ready')\nwhile True: signal.pause()"


def test_it_runs_until_it_is_stopped(hive: Hive) -> None:
    hive.run()
    assert hive.answer() == "ready"
    assert hive.containers.is_running("alice")
    assert hive.containers.exit_status("alice") is None
    everything = hive.whole()
    hive.containers.stop("alice")
    assert not hive.containers.is_running("alice")
    assert not any(map(processes.alive, everything))
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.signal, status.intended, status.oom) == (0, None, True, False)


def test_the_hosts_owner_can_go_in(hive: Hive) -> None:
    assert hive.containers.entry("alice") is None
    hive.run()
    hive.answer()
    words = shlex.split(hive.containers.entry("alice") or "")
    assert words.pop(0) == "sudo"
    if os.geteuid() == 0:
        said = command.run([*words, "-c", "id -u; ls /agents"], cwd="/", timeout=30).text.split()
        assert said == [str(os.stat(hive.paths.notes("alice")).st_uid), "alice"]


def test_stopping_twice_and_stopping_nothing_are_no_errors(hive: Hive) -> None:
    hive.containers.stop("alice")
    hive.run()
    hive.containers.stop("alice")
    hive.containers.stop("alice")
    assert not hive.containers.is_running("alice")


def test_who_does_not_end_is_ended(hive: Hive) -> None:
    hive.run(STUBBORN)
    hive.answer()
    everything = hive.whole()
    hive.containers.stop("alice", grace=0.1)
    assert not any(map(processes.alive, everything))
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.signal, status.intended) == (None, signal.SIGKILL, True)


def test_what_the_agent_left_in_the_background_ends_too(hive: Hive) -> None:
    hive.run(
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    signal.pause()\n  os._exit(0)\nos.wait()\nwait()"
    )
    hive.answer()
    everything = hive.whole()
    hive.containers.stop("alice")
    assert not any(map(processes.alive, everything))


def test_a_drained_agent_ends_by_itself(hive: Hive) -> None:
    hive.run()
    hive.answer()
    shim = hive.process("shim")
    hive.containers.drain("alice")
    assert processes.wait_gone(shim, SECONDS)
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.intended) == (0, True)


def test_a_crash_is_not_intended(hive: Hive) -> None:
    hive.run("report('ready'); print('the reason', file=sys.stderr); sys.exit(3)")
    hive.answer()
    assert gone([hive.process("shim")]) if hive.containers.is_running("alice") else True
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.signal, status.intended) == (3, None, False)
    assert "the reason" in hive.containers.logs("alice")


def test_a_program_that_is_not_there_is_reported_with_the_log(hive: Hive) -> None:
    with pytest.raises(ContainerFailed, match="no-such-program") as failure:
        LocalContainers(hive.paths, command=["/no-such-program"]).start(spec())
    assert failure.value.name == "alice"
    assert not hive.containers.is_running("alice")


def test_starting_what_runs_changes_nothing(hive: Hive) -> None:
    hive.run()
    hive.answer()
    before = hive.process("init")
    hive.runner("wait()").start(spec())
    assert hive.process("init") == before


def test_it_can_be_started_again(hive: Hive) -> None:
    for _ in range(2):
        hive.run()
        assert hive.answer() == "ready"
        hive.containers.stop("alice")


STARTER = """
import os, signal, sys
sys.path.insert(0, {code!r})
from pathlib import Path
from tests.containers.hive import Hive, spec
Hive(Path({root!r})).runner("wait()").start(spec())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_outlives_whoever_started_it_and_is_adopted(hive: Hive) -> None:
    code = os.getcwd()
    hive.containers.create("alice")
    hive._open_pipe("alice")
    with pytest.raises(command.CommandFailed) as ended:
        command.run([sys.executable, "-c", STARTER.format(code=code, root=str(hive.root))], timeout=SECONDS)
    assert ended.value.code == -signal.SIGKILL
    assert hive.answer() == "ready"
    assert hive.containers.is_running("alice")
    everything = hive.whole()
    LocalContainers(hive.paths).stop("alice")
    assert not any(map(processes.alive, everything))


@pytest.mark.parametrize("victim", ["shim", "launcher", "init", "harness"])
def test_a_killed_part_leaves_nothing_behind(hive: Hive, victim: str) -> None:
    hive.run(network="private")
    hive.answer()
    everything = hive.whole()
    target = hive.process("shim" if victim == "launcher" else victim)[0]
    if victim == "launcher":
        target = processes.children(target)[0]
    os.kill(target, signal.SIGKILL)
    assert gone(everything)
    assert not hive.containers.is_running("alice")
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.signal, status.intended) == (signal.SIGKILL, False)
    hive.run()
    assert hive.answer() == "ready"


def test_when_the_machine_goes_down_the_agent_may_finish(hive: Hive) -> None:
    hive.run()
    hive.answer()
    shim = hive.process("shim")
    processes.send(shim, signal.SIGTERM)
    assert processes.wait_gone(shim, SECONDS)
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert (status.code, status.intended) == (0, True)


def test_only_what_runs_can_be_drained_or_frozen(hive: Hive) -> None:
    hive.containers.create("alice")
    for action in (hive.containers.drain, hive.containers.freeze, hive.containers.thaw):
        with pytest.raises(VerbRefused, match="does not run"):
            action("alice")


def test_a_frozen_agent_says_nothing_until_it_is_thawed(hive: Hive) -> None:
    ticking = "import time\nwhile True:\n  report(time.monotonic()); time.sleep(0.005)"
    hive.run(ticking)
    hive.answer()
    hive.containers.freeze("alice")
    assert hive.falls_silent()
    assert hive.containers.is_running("alice")
    hive.containers.thaw("alice")
    assert hive.answer() > 0


def test_a_frozen_agent_can_be_stopped(hive: Hive) -> None:
    hive.run()
    hive.answer()
    hive.containers.freeze("alice")
    hive.containers.stop("alice")
    status = hive.containers.exit_status("alice")
    assert status is not None
    assert status.code == 0


def test_the_list_holds_what_was_created_and_not_destroyed(hive: Hive) -> None:
    for name in ("bob", "alice"):
        hive.containers.create(name)
    assert hive.containers.list() == ["alice", "bob"]
    hive.containers.destroy("bob")
    assert hive.containers.list() == ["alice"]
    assert hive.paths.notes("bob").is_dir()


def test_many_are_frozen_and_thawed_in_one_call(hive: Hive) -> None:
    ticking = "import time\nwhile True:\n  report(time.monotonic()); time.sleep(0.005)"
    for name in ("alice", "bob"):
        hive.run(ticking, name)
        hive.answer(name)
    failed = hive.containers.hold(["alice", "bob", "carol"], frozen=True)
    assert failed == {"carol": "carol does not run"}
    assert hive.falls_silent("alice")
    assert hive.falls_silent("bob")
    assert hive.containers.hold(["alice", "bob"], frozen=False) == {}
    assert hive.answer("alice") > 0
    assert hive.answer("bob") > 0
