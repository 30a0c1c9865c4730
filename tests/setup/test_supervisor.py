"""`up` keeps its processes running, refuses what cannot work in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess  # noqa: TID251 - the test is the person at the terminal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.hive import REPOSITORY, Hive, running_hive

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def hive() -> Iterator[Hive]:
    with running_hive() as one:
        yield one


def _pid(hive: Hive, command: str) -> int:
    """The process that runs `manage.py <command>` for this hive."""
    mark = str(hive.root).encode()
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if (
                words[1:3] == [bytes(REPOSITORY / "manage.py"), command.encode()]
                and mark in (entry / "environ").read_bytes()
            ):
                return int(entry.name)
        except OSError:
            continue
    return 0


def _up(hive: Hive, **environment: str) -> subprocess.CompletedProcess[str]:
    """Another `up`, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=REPOSITORY,
        env={**hive.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_killed_process_is_back_at_once(hive: Hive, command: str) -> None:
    killed = _pid(hive, command)
    os.kill(killed, signal.SIGKILL)
    hive.wait_until(lambda: _pid(hive, command) not in (0, killed), 5)
    hive.wait_until(lambda: hive.healthz()[0] == 200, 20)
    assert f"{command} ended (signal SIGKILL)" in hive.tail()


def test_the_hive_cannot_be_started_twice(hive: Hive) -> None:
    second = _up(hive)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"hyperhive: the hive in {hive.state} is running already; stop it there first\n"


def test_a_taken_port_is_one_line_and_nothing_is_started() -> None:
    other = Hive()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.port))
        taken.listen(1)
        refused = _up(other)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"hyperhive: 127.0.0.1 port {other.port} is taken by another program:")
    assert refused.stderr.count("\n") == 1
    other.close()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HYPERHIVE_PORT", "seven", "HYPERHIVE_PORT: 'seven' is not a number from 1 to 65535"),
        ("HYPERHIVE_STATE_ROOT", "/proc/nothing", "cannot write /proc/nothing"),
        ("HYPERHIVE_BIND", "192.0.2.1", "cannot listen on 192.0.2.1"),
        ("HYPERHIVE_BACKEND", "cloud", "HYPERHIVE_BACKEND: 'cloud' is not one of"),
    ],
)
def test_what_cannot_work_is_one_line(name: str, value: str, reason: str) -> None:
    other = Hive()
    refused = _up(other, **{name: value})
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("hyperhive: ")
    assert reason in refused.stderr
    assert refused.stderr.count("\n") == 1
    other.close()


def test_ctrl_c_through_make_twice_leaves_nothing(tmp_path: Path) -> None:
    """The terminal sends the signal to make, to what it runs, and to nobody else; a second one comes in the middle."""
    other = Hive()
    (tmp_path / "Makefile").write_text(f"run:\n\t@cd '{REPOSITORY}' && exec '{sys.executable}' manage.py up\n")
    words = ["make", "run"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=other.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as make:
        other.wait_until(lambda: other.healthz()[0] == 200, 40)
        other.running("hm1nd")
        os.killpg(make.pid, signal.SIGINT)
        assert make.stdout is not None
        assert any(line == "Stopping.\n" for line in make.stdout)
        os.killpg(make.pid, signal.SIGINT)
        make.wait(40)
    assert other.processes() == []
    other.close()


def test_a_killed_supervisor_takes_web_and_worker_with_it(hive: Hive) -> None:
    """The agents stay, and the next start finds them; so this test comes last but one."""
    assert hive.process is not None
    hive.running("hm1nd")
    hive.process.kill()
    hive.process.wait(10)
    hive.process = None
    hive.wait_until(lambda: not (_pid(hive, "web") or _pid(hive, "worker")), 20)
    assert any("agents.harness" in line for line in hive.processes())
    hive.start()
    hive.running("hm1nd")


def test_a_stop_that_was_asked_for_is_0_and_complete(hive: Hive) -> None:
    hive.running("hm1nd")
    assert hive.interrupt() == 0
    assert hive.processes() == []
