from __future__ import annotations

import os

import pytest

from agents import command
from agents.command import CommandFailed, CommandTimedOut


def test_it_returns_what_the_program_wrote() -> None:
    done = command.run(["sh", "-c", "cat; echo err >&2"], input=b"hello", timeout=5)
    assert (done.text, done.stderr) == ("hello", b"err\n")


def test_a_failure_tells_code_and_stderr() -> None:
    with pytest.raises(CommandFailed, match="broken") as caught:
        command.run(["sh", "-c", "echo broken >&2; exit 3"], timeout=5)
    assert caught.value.code == 3


def test_a_missing_program_is_127() -> None:
    with pytest.raises(CommandFailed) as caught:
        command.run(["/no/such/program"], timeout=5)
    assert caught.value.code == 127


def test_time_is_limited_and_grandchildren_end_too() -> None:
    read, write = os.pipe()
    with pytest.raises(CommandTimedOut):
        command.run(["sh", "-c", "sleep 30 & sleep 30"], timeout=0.2, pass_fds=[write])
    os.close(write)
    assert os.read(read, 1) == b"", "a grandchild still holds the pipe"
    os.close(read)


def test_output_is_limited() -> None:
    with pytest.raises(CommandFailed, match="more than 1000 bytes"):
        command.run(["sh", "-c", "yes"], timeout=5, max_output=1000)


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert command.run(["true"], input=b"x" * 1_000_000, timeout=5).stdout == b""


def test_inherited_descriptors_reach_the_program() -> None:
    read, write = os.pipe()
    with command.inherited(write):
        command.run(["sh", "-c", f"echo held > /proc/self/fd/{write}"], timeout=5)
    os.close(write)
    assert os.read(read, 10) == b"held\n"
    os.close(read)


def test_the_environment_is_only_what_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    assert "SECRET" not in command.run(["env"], timeout=5).text
