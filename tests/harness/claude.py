"""An agent with the real CLI, in one of its two forms, against the stub of the Messages API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import claude_agent_sdk

from tests.harness.agent import Agent
from tests.harness.hive import Hive
from tests.stubs.messages_api import MessagesApi

CLI = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
SEND = "mcp__hyperhive__send"
RUN = "mcp__bash__run"


def script(*turns: Any) -> str:
    return f"Do as the script says.\n```stub\n{json.dumps(turns)}\n```\n"


def configure(agent: Agent, api: MessagesApi, *, persistent: bool) -> Agent:
    """Not started."""
    programs = agent.home / "bin"
    programs.mkdir()
    (programs / "claude").symlink_to(CLI)
    agent.config["driver"] = "claude"
    agent.env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": "key-of-alice",
        "IS_SANDBOX": "1",
        "SOMETHING_ELSE": "private",
        "CLAUDE_CODE_MAX_RETRIES": "1",
    }
    environment = {"CLAUDE_CODE_MAX_RETRIES": "1"}
    agent.config["options"] = {"environment": environment, "claude.persistent": persistent}
    return agent


def wrap(agent: Agent, before: str = "", words: str = "") -> None:
    """The CLI behind a script that runs `before`, and gives it further words."""
    program = agent.home / "bin" / "claude"
    program.unlink()
    program.write_text(f'#!/bin/sh\n{before}\nexec {CLI} {words} "$@"\n')
    program.chmod(0o755)


def counted(agent: Agent) -> Path:
    """Every start of the CLI for a turn adds its pid to this file."""
    starts = agent.home / "starts"
    wrap(agent, f'[ "$1" = auth ] || echo $$ >> {starts}')
    return starts


async def started(agent: Agent, hive: Hive) -> None:
    agent.write(hive.token)
    await agent.start()
    await hive.connected()


def reported(hive: Hive, **fields: Any) -> bool:
    reports = hive.of("report")
    return bool(reports) and all(reports[-1].get(key) == value for key, value in fields.items())


def problem(hive: Hive) -> str:
    reports = hive.of("report")
    return str(reports[-1]["problem"]) if reports else ""
