"""The root helper as a process of its own, asked the way web and worker ask."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess  # noqa: TID251  # only its type
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from agents import acl, command
from agents.containers import local, privileged, wire
from agents.containers.protocol import ContainerFailed
from agents.naming import MANAGER, host_uid
from tests.containers.hive import SECONDS, Hive, spec

HIVE_USER = "nobody"


@pytest.fixture
def helper(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, "-m", "agents.containers.helper", "--fd", str(theirs.fileno()), "--user", HIVE_USER]
    words += ["--state-root", str(hive.paths.state), "--runtime-root", str(hive.paths.runtime)]
    process = command.start(words, pass_fds=[theirs.fileno()])
    theirs.close()
    monkeypatch.setenv(privileged.HELPER_FD, str(ours.detach()))
    privileged._helper.cache_clear()
    yield process
    privileged._helper(int(os.environ[privileged.HELPER_FD])).close()
    privileged._helper.cache_clear()
    assert process.wait(SECONDS) == 0


pytestmark = pytest.mark.usefixtures("helper")


def test_everything_belongs_to_whom_it_should(hive: Hive) -> None:
    privileged.call("prepare", name="alice")
    nobody, alice, manager = pwd.getpwnam(HIVE_USER).pw_uid, host_uid("alice"), host_uid(MANAGER)
    owners = {
        hive.paths.state: (0, 0o1775),
        hive.paths.state / "agents": (0, 0o755),
        hive.paths.agent("alice"): (0, 0o755),
        hive.paths.proposed("alice"): (manager, 0o755),
        hive.paths.credentials("alice"): (alice, 0o700),
        hive.paths.shared: (0, 0o755),
        hive.paths.shared / "alice": (alice, 0o755),
        hive.paths.container_log("alice").parent: (nobody, 0o750),
        hive.paths.agent_runtime("alice"): (nobody, 0o750),
        hive.paths.shim("alice"): (0, 0o755),
    }
    for path, (owner, mode) in owners.items():
        assert (path.stat().st_uid, path.stat().st_mode & 0o7777) == (owner, mode), path
    assert hive.paths.notes("alice").stat().st_uid == alice
    assert acl.permissions(hive.paths.notes("alice"), manager) == "rwx"
    assert acl.permissions(hive.paths.agent_runtime("alice"), alice) == "rx"


def test_an_agent_is_started_and_stopped_through_it(hive: Hive) -> None:
    containers = local(hive.paths)
    with suppress(ContainerFailed):  # the real harness, which finds no configuration here and ends soon
        containers.start(spec())
    containers.stop("alice", grace=0)
    assert not containers.is_running("alice")
    assert containers.exit_status("alice") is not None
    assert hive.paths.container_log("alice").stat().st_uid == pwd.getpwnam(HIVE_USER).pw_uid


def test_refusals_and_failures_come_back_as_such(hive: Hive) -> None:
    with pytest.raises(privileged.VerbRefused, match="agent name"):
        privileged.call("prepare", name="../x")
    with pytest.raises(privileged.VerbRefused, match="not a verb"):
        privileged.call("shell", name="alice")
    with pytest.raises(privileged.VerbFailed):
        privileged.call("head_commit", name="alice")


def test_bulk_output_goes_to_the_callers_descriptor(hive: Hive, tmp_path: Path) -> None:
    privileged.call("prepare", name="alice")
    commit = privileged.call("seed_proposed", name="alice", text="{ }\n")
    with (tmp_path / "pack").open("wb") as pack:
        privileged.call("emit_objects", out_fd=pack.fileno(), name="alice", commit_ref=commit)
    assert (tmp_path / "pack").read_bytes()[:4] == b"PACK"


def test_a_slow_caller_holds_up_nobody(hive: Hive) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.knock(privileged._helper(int(os.environ[privileged.HELPER_FD])), theirs, None)
        threads = [Thread(target=privileged.call, args=("prepare",), kwargs={"name": f"a{n}"}) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert sorted(hive.containers.list()) == [f"a{n}" for n in range(8)]


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[]", b'{"verb": 1}', b'{"verb": "stop", "arguments": []}', b"[" * 90_000]
)
def test_garbage_ends_only_itself(hive: Hive, garbage: bytes) -> None:
    helper = privileged._helper(int(os.environ[privileged.HELPER_FD]))
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            wire.knock(helper, theirs, None)
        ours.sendall(garbage)
        ours.shutdown(socket.SHUT_WR)
        assert b'"done"' not in ours.recv(65536)
    helper.send(b"no descriptor")
    privileged.call("prepare", name="alice")


def test_it_outlives_no_caller(helper: subprocess.Popen[bytes]) -> None:
    privileged._helper(int(os.environ[privileged.HELPER_FD])).close()
    assert helper.wait(SECONDS) == 0
