"""The container's log: bounded, never through a link, harmless to look at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.containers import processes
from agents.containers.logfile import Log, tail
from tests.containers.hive import SECONDS, Hive, spec

ME = (os.geteuid(), os.getegid())


def test_what_the_agent_says_is_kept(hive: Hive) -> None:
    hive.run("print('to standard output', flush=True); os.write(2, b'to standard error\\n'); wait()")
    hive.answer()
    hive.containers.stop("alice")
    assert {"to standard output", "to standard error"} <= set(hive.containers.logs("alice"))


def test_a_talkative_agent_fills_no_disk(hive: Hive) -> None:
    body = "for _ in range(200): os.write(1, b'x' * 999 + b'\\n')\nos.write(1, b'last line\\n')"
    hive.containers.create("alice")
    hive._open_pipe("alice")
    hive.runner(body, log_limit=50_000).start(spec())
    if hive.containers.is_running("alice"):
        processes.wait_gone(hive.process("shim"), SECONDS)
    hive.containers.stop("alice")
    log = hive.paths.container_log("alice")
    sizes = [file.stat().st_size for file in log.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 50_000
    assert hive.containers.logs("alice", 1) == ["last line"]


def test_the_last_lines_reach_back_into_the_rotated_part(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "a.log"), ME, limit=100)
    for number in range(20):
        log.write(f"line {number}\n".encode())
    assert tail(str(tmp_path / "a.log"), 12) == [f"line {number}" for number in range(8, 20)]
    assert tail(str(tmp_path / "a.log"), 0) == []
    assert tail(str(tmp_path / "none.log"), 5) == []


def test_control_characters_do_not_reach_a_terminal(tmp_path: Path) -> None:
    Log(str(tmp_path / "a.log"), ME).write(b"\x1b]0;title\x07\x9b31m\xe2\x80\xae\xff ok\tfine\r\n")
    (line,) = tail(str(tmp_path / "a.log"), 5)[-1:]
    assert not any(ord(char) < 32 and char != "\t" for char in line)
    assert "\x1b" not in line
    assert "\x9b" not in line
    assert "\u202e" not in line


def test_it_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.log").symlink_to(target)
    (tmp_path / "linked").symlink_to(tmp_path / "logs")
    (tmp_path / "logs/b.log").hardlink_to(target)
    os.mkfifo(tmp_path / "logs/c.log")
    for path in ("logs/a.log", "logs/b.log", "logs/c.log", "linked/d.log"):
        with pytest.raises(OSError, match=r".+"):
            Log(str(tmp_path / path), ME)
    assert target.read_text() == "mine"
