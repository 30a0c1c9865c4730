"""The tools `run` and `status` in this process: real shells, real files, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agents.harness.bash import output
from agents.harness.bash.jobs import Job
from agents.harness.bash.tools import ToolRefused, Tools, summary
from agents.harness.config import Config
from tests.harness.agent import is_alive


class Shell:
    """The tools of one agent, and what woke it."""

    def __init__(self, notes: Path) -> None:
        self.notes, self.options = notes, dict[str, Any]()
        self.woken: asyncio.Queue[Job] = asyncio.Queue()
        config = Config("alice", "claude", notes, notes, 8879, options=self.options)
        self.tools = Tools(config, lambda kind, **data: None, self.woken.put_nowait)

    async def run(self, command: str, **args: Any) -> str:
        return await asyncio.wait_for(self.tools.call("run", {"command": command, **args}), 60)

    async def status(self, **args: Any) -> str:
        return await asyncio.wait_for(self.tools.call("status", args), 60)

    async def pid(self, file: str = "pid") -> int:
        """What a command has written there."""
        path = self.notes / file
        async with asyncio.timeout(60):
            while not path.exists() or not path.read_text().strip():  # noqa: ASYNC110 - a file gives no event
                await asyncio.sleep(0.02)
        return int(path.read_text())


def read(file: str) -> str:
    return Path(file).read_text()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    one = Shell(tmp_path)
    yield one
    await one.tools.close()


async def test_a_command_answers_with_what_it_wrote(shell: Shell) -> None:
    assert await shell.run("echo out; echo err >&2") == "out\nerr\n"
    assert (await shell.run("echo out; exit 3")).startswith("out\n(exit status 3, after ")
    assert "exit status 0" in await shell.run("true")
    assert "exit status 137" in await shell.run("kill -KILL $$")


async def test_it_starts_in_the_notes_folder_or_where_it_is_told(shell: Shell) -> None:
    (shell.notes / "deep").mkdir()
    assert await shell.run("pwd") == f"{shell.notes}\n"
    assert await shell.run("pwd", cwd="deep") == f"{shell.notes}/deep\n"
    assert await shell.run("pwd", cwd="/") == "/\n"
    with pytest.raises(ToolRefused, match="is no folder"):
        await shell.run("pwd", cwd="nowhere")


async def test_nothing_carries_over(shell: Shell) -> None:
    await shell.run("x=1; cd /; export y=2; alias ls=id")
    assert await shell.run('echo "[$x$y]"; pwd') == f"[]\n{shell.notes}\n"


async def test_the_shell_reads_no_start_file_and_no_function(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.notes / ".bashrc").write_text("echo from bashrc")
    monkeypatch.setenv("HOME", str(shell.notes))
    monkeypatch.setenv("BASH_ENV", str(shell.notes / ".bashrc"))
    monkeypatch.setenv("BASH_FUNC_ls%%", "() { echo a function; }")
    monkeypatch.setenv("SHELLOPTS", "xtrace")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-alice")
    shell.options["environment"] = {"BASH_ENV": "x", "CHOSEN": "yes"}
    monkeypatch.setenv("CHOSEN", "yes")
    assert await shell.run("ls -d /; echo $CHOSEN") == "/\nyes\n"
    assert "key-of-alice" not in await shell.run("env")


async def test_out_of_time_everything_ends_whatever_it_ignores(shell: Shell) -> None:
    hidden = 'trap "" TERM INT HUP; echo $$ > pid.new; mv pid.new pid; while :; do sleep 60; done'
    stubborn = f"trap '' TERM INT HUP; setsid bash -c '{hidden}' &"
    running = asyncio.ensure_future(shell.run(f"{stubborn} echo started; wait", timeout=5))
    pid = await shell.pid()
    told = await running
    assert told.startswith("started\n")
    assert "stopped after 5 s" in told
    assert not is_alive(pid)


async def test_what_a_command_leaves_running_ends_with_it(shell: Shell) -> None:
    await shell.run("(setsid sh -c 'echo $$ > pid; exec sleep 300' &) ; while [ ! -s pid ]; do sleep 0.02; done")
    assert not is_alive(await shell.pid())


async def test_a_caller_that_gives_up_ends_its_command(shell: Shell) -> None:
    running = asyncio.ensure_future(shell.run("echo $$ > pid; exec sleep 300"))
    pid = await shell.pid()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert not is_alive(pid)


async def test_a_background_command_wakes_the_agent_when_it_ends(shell: Shell) -> None:
    told = await shell.run("echo working; while [ ! -e go ]; do sleep 0.02; done; echo done; exit 4", background=True)
    assert told.startswith("job 1 runs in the background; it writes to ")
    assert "job 1: running for" in await shell.status()
    (shell.notes / "go").touch()
    job = await asyncio.wait_for(shell.woken.get(), 60)
    assert "Your background job 1 has ended: exit status 4" in summary(job)
    assert "working\ndone\n" in summary(job)
    assert read(told.split()[-1]) == "working\ndone\n"


async def test_a_background_command_can_be_looked_at_and_stopped(shell: Shell) -> None:
    await shell.run("echo $$ > pid; echo here; exec sleep 300", background=True)
    pid = await shell.pid()
    assert "job 1: running for" in await shell.status(job=1)
    assert "stopped as asked" in await shell.status(job=1, stop=True)
    assert not is_alive(pid)
    assert shell.woken.empty()
    with pytest.raises(ToolRefused, match="there is no job 7"):
        await shell.status(job=7)


async def test_an_end_that_was_seen_wakes_nobody(shell: Shell) -> None:
    await shell.run("true", background=True)
    await asyncio.wait_for(shell.woken.get(), 60)
    assert "exit status 0" in await shell.status(job=1)


async def test_long_output_is_cut_in_the_middle_and_kept_in_a_file(shell: Shell) -> None:
    told = await shell.run("seq 1 200000")
    assert len(told) < output.HEAD + output.TAIL + 500
    assert told.startswith("1\n2\n3\n")
    assert told.rstrip().endswith("200000")
    file = told.partition("all of it is in ")[2].split()[0]
    assert file.startswith(f"{shell.notes}/")
    assert read(file) == "".join(f"{number}\n" for number in range(1, 200001))


async def test_the_file_is_capped_and_old_ones_go(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "FILE_LIMIT", 100_000)
    monkeypatch.setattr(output, "FILES_KEPT", 2)
    for _ in range(3):
        await shell.run("head -c 300000 /dev/zero")
    files = list((shell.notes / ".hive/bash").glob("*.log"))
    assert [file.stat().st_size for file in files] == [100_000, 100_000]


async def test_a_guarded_shell_runs_what_was_allowed(shell: Shell) -> None:
    shell.options["allowedBashPatterns"] = ["echo **", "> out.txt"]
    assert await shell.run('echo "a  b" > out.txt; echo done') == "done\n"
    assert (shell.notes / "out.txt").read_text() == "a  b\n"
    with pytest.raises(ToolRefused, match="refused: 'touch x'"):
        await shell.run("echo a; touch x")
    assert not (shell.notes / "x").exists()
    shell.options["allowedBashPatterns"] = ["*"]
    with pytest.raises(ToolRefused, match="must be written out"):
        await shell.run("echo a")


async def test_arguments_that_make_no_sense_are_refused_in_words(shell: Shell) -> None:
    for args, why in (
        ({"command": ""}, "command is missing"),
        ({"command": 1}, "command must be a string"),
        ({"command": "ls", "timeout": 0}, "timeout must be above 0"),
        ({"command": "ls", "timeout": 10**6}, "at most 600"),
        ({"command": "ls", "timeout": True}, "timeout must be a number"),
        ({"command": "ls", "what": 1}, "there is no argument 'what'"),
        ({"command": "ls\0"}, "no command can hold"),
        ({"command": "x" * 200_000}, "at most 102400 bytes"),
    ):
        with pytest.raises(ToolRefused, match=why):
            await shell.tools.call("run", args)
    with pytest.raises(ToolRefused, match="there is no tool 'kill'"):
        await shell.tools.call("kill", {})


async def test_closing_ends_every_command(shell: Shell) -> None:
    await shell.run("echo $$ > pid; exec sleep 300", background=True)
    pid = await shell.pid()
    await asyncio.wait_for(shell.tools.close(), 60)
    assert not is_alive(pid)
    assert shell.woken.empty()


async def test_a_keeper_that_is_told_to_end_ends_all_of_it(shell: Shell) -> None:
    await shell.run("echo $PPID > keeper; echo $$ > pid; exec sleep 300", background=True)
    pid = await shell.pid()
    os.kill(await shell.pid("keeper"), signal.SIGTERM)
    await asyncio.wait_for(shell.woken.get(), 60)
    assert not is_alive(pid)
