"""Every way in which the real CLI ends a turn, in both its forms, and what the harness makes of it."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.harness.agent import Agent
from tests.harness.claude import RUN, counted, problem, script, started, wrap
from tests.harness.hive import Frame, Hive
from tests.stubs.messages_api import MessagesApi

RUN_FOR_EVER = {"tool": RUN, "input": {"command": "touch begun; tail -f /dev/null"}}


async def ended(claude: Agent, hive: Hive, *turns: Any) -> Frame:
    await started(claude, hive)
    await hive.push(script(*turns))
    return await hive.ended()


async def test_there_is_no_network_but_loopback(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    look = {"tool": RUN, "input": {"command": "tail -n +3 /proc/net/dev | cut -d: -f1"}}
    assert (await ended(claude, hive, look, {"text": "ok"}))["outcome"] == "ok"
    [told] = [part["content"] for part in api.requests[1]["messages"][-1]["content"] if part["type"] == "tool_result"]
    assert "".join(part["text"] for part in told).split() == ["lo"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, "failed"), (401, "requeue"), (403, "requeue"), (429, "requeue"), (500, "requeue"), (529, "requeue")],
)
async def test_a_refused_request(claude: Agent, hive: Hive, status: int, outcome: str) -> None:
    assert (await ended(claude, hive, {"status": status}))["outcome"] == outcome


async def test_a_service_that_is_not_there(claude: Agent, hive: Hive) -> None:
    claude.env["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    assert (await ended(claude, hive, {"text": "never"}))["outcome"] == "requeue"
    await hive.until(lambda: "Messages wait; the next try is at" in problem(hive))


@pytest.mark.parametrize("words", ["--max-turns 1", "--max-budget-usd 0.00001"])
async def test_a_limit_of_the_clis_own(claude: Agent, hive: Hive, words: str) -> None:
    wrap(claude, words=words)
    steps = [{"tool": RUN, "input": {"command": "true"}}] * 3
    frame = await ended(claude, hive, *steps, {"text": "too far"})
    assert frame["outcome"] == "failed"
    assert "maximum" in frame["error"].lower()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--no-such-flag", "no-such-flag"),
        ("--mcp-config /nowhere.json", "nowhere.json"),
        ("--session-id not-a-session", "session"),
    ],
)
async def test_words_that_the_cli_refuses(claude: Agent, hive: Hive, words: str, why: str) -> None:
    """It says so on stderr alone, and there is no result to read."""
    wrap(claude, before='[ "$1" = auth ] && exit 0', words=words)
    assert (await ended(claude, hive, {"text": "never"}))["outcome"] == "requeue"
    await hive.until(lambda: why in problem(hive).lower())


async def test_a_cli_that_somebody_ends_within_a_turn(claude: Agent, hive: Hive) -> None:
    """SIGTERM leaves no result; what the turn had begun may have had an effect, so it is not run again."""
    starts = counted(claude)
    await started(claude, hive)
    await hive.push(script(RUN_FOR_EVER, {"text": "never"}))
    await claude.until((claude.notes / "begun").exists)
    os.kill(int(starts.read_text().split()[-1]), signal.SIGTERM)
    assert (await hive.ended())["outcome"] == "failed"
    await hive.push(script({"text": "here again"}))
    assert (await hive.ended(2))["outcome"] == "ok"
