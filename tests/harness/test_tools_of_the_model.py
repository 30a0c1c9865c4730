"""Which tools the model gets, with the real CLI: the shell, its guard, and the MCP servers of agent.nix."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.agent import Agent, free_port
from tests.harness.claude import RUN, script, started
from tests.harness.hive import Hive
from tests.harness.lonely import Lonely
from tests.stubs.messages_api import MessagesApi

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "tests" / "stubs" / "mcp_server.py"


def results(api: MessagesApi) -> list[str]:
    """The texts of every tool's result that the model has seen."""
    parts = [
        part
        for message in api.requests[-1]["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "tool_result"
    ]
    return [_text(part["content"]) for part in parts]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def offered(api: MessagesApi) -> set[str]:
    return {tool["name"] for tool in api.requests[0]["tools"]}


def approve(agent: Agent, **files: str) -> None:
    """What the host puts in place when such files are deployed."""
    folder = agent.run_dir / "repository"
    folder.mkdir()
    pins = {}
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        pins[path.name] = hashlib.sha256(text.encode()).hexdigest()
    (agent.run_dir / "pins.json").write_text(json.dumps(pins))


def local(**fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"command": None, "args": [], "env": {}, "url": None, "headers": {}, "tools": None}
    return {**empty, **fields}


@pytest.fixture
async def over_http(lonely: Lonely) -> AsyncIterator[str]:
    """The address of a server in the agent's own network."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *lonely.enter, sys.executable, str(SERVER), "http", str(port), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"running on" not in await process.stderr.readline():
            pass
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    await process.wait()


async def test_the_shell_runs_and_its_guard_refuses(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    claude.config["options"]["allowedBashPatterns"] = ["echo **"]
    await started(claude, hive)
    steps = [{"tool": RUN, "input": {"command": command}} for command in ("echo hello", "echo a; id", "echo $(id)")]
    await hive.push(script(*steps, {"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    told = results(api)
    assert told[0] == "hello\n"
    assert "refused: 'id': no pattern of hyperhive.allowedBashPatterns allows this command" in told[1]
    assert "refused: 'id'" in told[2]
    assert "Bash" not in offered(api)


async def test_a_background_command_wakes_the_agent_in_a_turn_of_its_own(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    await started(claude, hive)
    command = "while [ ! -e go ]; do sleep 0.05; done; echo the end"
    await hive.push(script({"tool": RUN, "input": {"command": command, "background": True}}, {"text": "waiting"}))
    await hive.ended()
    (claude.notes / "go").touch()
    ended = await hive.ended(2)
    assert ended["outcome"] == "ok"
    assert hive.of("turn_started")[1]["messages"] == []
    said = json.dumps(api.requests[-1]["messages"][-1])
    assert "From: bash (system)" in said
    assert "Your background job 1 has ended: exit status 0" in said
    assert "the end" in said
    assert [one["to"] for one in hive.sent] == ["operator"]


async def test_settings_that_the_model_may_write_run_nothing(claude: Agent, hive: Hive) -> None:
    hook = {"hooks": [{"type": "command", "command": f"touch {claude.home}/hooked"}]}
    settings = json.dumps({"hooks": {event: [hook] for event in ("SessionStart", "UserPromptSubmit", "Stop")}})
    for folder in (claude.notes / ".claude", claude.home / ".claude"):
        folder.mkdir(exist_ok=True)
        for name in ("settings.json", "settings.local.json"):
            (folder / name).write_text(settings)
    await started(claude, hive)
    await hive.push(script({"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    assert not (claude.home / "hooked").exists()


async def test_only_the_listed_tools_of_a_server_can_be_called(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    approve(claude, server_py=SERVER.read_text())
    claude.config["options"]["extraMcpServers"] = {
        "clock": local(
            command=sys.executable, args=["./server.py", "stdio"], env={"CLOCK_NAME": "Bert"}, tools=["tell"]
        )
    }
    await started(claude, hive)
    steps = [{"tool": "mcp__clock__tell", "input": {"word": "noon"}}, {"tool": "mcp__clock__secret", "input": {}}]
    await hive.push(script(*steps, {"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    told = results(api)
    assert "told noon by Bert" in told[0]
    assert "must not be said" not in told[1]


async def test_a_server_over_http_gets_its_headers(claude: Agent, hive: Hive, api: MessagesApi, over_http: str) -> None:
    claude.config["options"]["extraMcpServers"] = {"far": local(url=over_http, headers={"X-Clock": "noon"})}
    await started(claude, hive)
    await hive.push(script({"tool": "mcp__far__header", "input": {"name": "x-clock"}}, {"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    assert "x-clock is noon" in results(api)[0]


async def test_allowed_tools_decide_what_is_offered(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    claude.config["options"]["allowedTools"] = ["Read"]
    await started(claude, hive)
    steps = [
        {"tool": RUN, "input": {"command": "echo no"}},
        {"tool": "Write", "input": {"file_path": "x", "content": "x"}},
    ]
    await hive.push(script(*steps, {"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    assert "no\n" not in results(api)
    assert not (claude.notes / "x").exists()
    assert {"Write", "Edit", "WebFetch"}.isdisjoint(offered(api))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda folder: (folder / "server.py").write_text("print('other')"),
            "server.py is not the file that was approved",
        ),
        (lambda folder: (folder / "mcp.py").write_text("import os"), "mcp.py is not the file that was approved"),
        (lambda folder: (folder / "server.py").unlink(), "server.py is not the file that was approved"),
    ],
    ids=["changed", "another beside it", "gone"],
)
async def test_a_server_whose_files_are_not_the_approved_ones_is_not_started(
    claude: Agent, hive: Hive, api: MessagesApi, spoil: Any, why: str
) -> None:
    approve(claude, server_py=SERVER.read_text())
    spoil(claude.run_dir / "repository")
    claude.config["options"]["extraMcpServers"] = {
        "clock": local(command=sys.executable, args=["./server.py", "stdio"])
    }
    await started(claude, hive)
    await hive.push(script({"text": "ok"}))
    assert (await hive.ended())["outcome"] == "ok"
    assert f"the MCP server 'clock' is not started: {why}" in claude.log()
    assert not {name for name in offered(api) if name.startswith("mcp__clock__")}


async def test_the_scripted_driver_has_the_same_guard(agent: Agent, hive: Hive) -> None:
    agent.config["options"] = {"allowedBashPatterns": ["echo **"]}
    await started(agent, hive)
    await hive.push('```hive\n[{"run": {"argv": ["echo", "a"]}}, {"run": {"argv": ["id"]}}]\n```')
    body = (await hive.answer())["body"]
    assert '"output": "a\\n"' in body
    assert "refused: 'id'" in body
