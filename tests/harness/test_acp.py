"""The ACP driver with a real agent, claude-agent-acp from npm, against the stub of the Messages API."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.harness.agent import ROOT, Agent, is_alive
from tests.harness.claude import CLI, SEND, problem, reported, script, started
from tests.harness.hive import Hive
from tests.harness.lonely import Lonely
from tests.stubs.messages_api import MessagesApi

AGENT = ROOT / "node_modules" / "@agentclientprotocol" / "claude-agent-acp" / "dist" / "index.js"
RUN_FOR_EVER = {"tool": "Bash", "input": {"command": "echo $$ > pid.new; mv pid.new pid; tail -f /dev/null"}}
KEYS = {
    "ANTHROPIC_API_KEY": "key-of-alice",
    "CLAUDE_CODE_EXECUTABLE": str(CLI),
    "CLAUDE_CODE_MAX_RETRIES": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}


@pytest.fixture
def acp(agent: Agent, api: MessagesApi, lonely: Lonely) -> Agent:
    """Configured, not started. Claude's agent lets no tool run unasked but for the ones that read."""
    agent.enter = lonely.enter
    agent.config["driver"] = "acp"
    agent.env = {**KEYS, "ANTHROPIC_BASE_URL": api.url}
    agent.config["options"] = {"acp.command": ["node", str(AGENT)], "environment": agent.env}
    return agent


def said(api: MessagesApi) -> str:
    """The newest request of a turn: the agent also asks, without tools, for a session's title."""
    return json.dumps([request for request in api.requests if request["tools"]][-1]["messages"])


async def turn(hive: Hive, *turns: Any, number: int = 1) -> None:
    await hive.push(script(*turns))
    ended = await hive.ended(number)
    assert ended["outcome"] == "ok", ended


async def test_the_model_calls_the_hives_tools_and_the_operator_is_answered(
    acp: Agent, hive: Hive, api: MessagesApi
) -> None:
    hive.takes_events = True
    acp.config["options"]["instructions"] = "You look after the garden."
    await started(acp, hive)
    await turn(hive, {"tool": SEND, "input": {"to": "bob", "body": "hello bob"}}, {"text": "I told bob."})
    assert [(one["to"], one["body"]) for one in hive.sent] == [("bob", "hello bob"), ("operator", "I told bob.")]
    everything = json.dumps(api.requests)
    assert all(text in everything for text in ("You are alice", "You look after the garden.", "From: operator"))
    assert hive.token not in everything + acp.log()
    await hive.until(lambda: "stats" in hive.kinds())
    assert [event["data"].get("to") for event in hive.events if event["kind"] == "message_sent"] == ["bob", "operator"]


async def test_a_session_goes_on_over_turns_and_restarts(acp: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(acp, hive)
    await turn(hive, {"text": "first answer"})
    await turn(hive, {"text": "second answer"}, number=2)
    acp.signal(signal.SIGTERM)
    assert await acp.exit_code() == 0
    await acp.start()
    await turn(hive, {"text": "third answer"}, number=3)
    assert all(text in said(api) for text in ("first answer", "second answer", "You-Were-Restarted: yes"))
    assert [one["body"] for one in hive.sent] == ["first answer", "second answer", "third answer"]


async def test_an_interrupt_ends_the_turn_and_keeps_the_session(acp: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(acp, hive)
    await turn(hive, {"text": "first answer"})
    await hive.push(script(RUN_FOR_EVER, {"text": "never"}))
    await acp.until((acp.notes / "pid").exists)
    assert (await hive.ordered("interrupt"))["ok"]
    ended = await hive.ended(2)
    assert (ended["outcome"], ended["error"]) == ("failed", "interrupted by the operator")
    await turn(hive, {"text": "going on"}, number=3)
    assert "first answer" in said(api)


async def test_a_stall_is_ended_in_time(acp: Agent, hive: Hive) -> None:
    acp.config["options"]["idleTimeout"] = 3
    await started(acp, hive)
    await hive.push(script({"stall": True}))
    assert "no sign of life for 3 s" in (await hive.ended())["error"]


@pytest.mark.parametrize(
    ("status", "outcome", "word"), [(400, "failed", ""), (401, "requeue", "signed in"), (429, "requeue", "rate limit")]
)
async def test_a_refused_request(acp: Agent, hive: Hive, status: int, outcome: str, word: str) -> None:
    await started(acp, hive)
    await hive.push(script({"status": status}))
    ended = await hive.ended()
    assert ended["outcome"] == outcome, ended
    await hive.until(lambda: word in problem(hive))
    assert reported(hive, needs_login=status == 401)


async def test_nothing_outlives_the_harness(acp: Agent, hive: Hive) -> None:
    await started(acp, hive)
    await hive.push(script(RUN_FOR_EVER, {"text": "never"}))
    await acp.until((acp.notes / "pid").exists)
    left = [int((acp.notes / "pid").read_text()), *children(acp.process.pid)]
    acp.signal(signal.SIGTERM)
    assert await acp.exit_code() == 0
    await acp.until(lambda: not any(map(is_alive, left)))


async def test_the_model_is_chosen_in_the_session(acp: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(acp, hive)
    await turn(hive, {"text": "first answer"})
    answer = await hive.ordered("set_model", model="haiku")
    assert answer["ok"], answer
    await turn(hive, {"text": "second answer"}, number=2)
    assert "haiku" in [request for request in api.requests if request["tools"]][-1]["model"]


async def test_a_new_session_and_one_made_shorter(acp: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(acp, hive)
    await turn(hive, {"text": "first answer"})
    assert (await hive.ordered("compact"))["ok"]
    assert (await hive.ordered("new_session"))["ok"]
    await turn(hive, {"text": "second answer"}, number=2)
    assert "first answer" not in said(api)


async def test_bash_is_refused_where_commands_are_limited(acp: Agent, hive: Hive) -> None:
    """The patterns are of the hive's own bash server; the agent's own shell would know nothing of them."""
    acp.config["options"]["allowedBashPatterns"] = ["git *"]
    await started(acp, hive)
    await hive.push(script({"tool": "Bash", "input": {"command": "touch made"}}, {"text": "done"}))
    await hive.ended()
    assert not (acp.notes / "made").exists()


async def test_a_turn_without_the_hives_tools_is_not_begun(acp: Agent, hive: Hive, api: MessagesApi) -> None:
    hive.mcp_down = True
    await started(acp, hive)
    await hive.push(script({"text": "pretending"}))
    assert (await hive.ended())["outcome"] == "requeue"
    await hive.until(lambda: "tools are not there" in problem(hive))
    assert api.requests == []


@pytest.mark.parametrize(("command", "said"), [([], "hyperhive.acp.command"), (["no-such-agent"], "not on this agent")])
async def test_an_agent_that_is_not_there_is_said_plainly(
    acp: Agent, hive: Hive, command: list[str], said: str
) -> None:
    acp.config["options"]["acp.command"] = command
    await started(acp, hive)
    await hive.push("hello")
    await hive.until(lambda: said in problem(hive))
    assert hive.of("turn_started") == []


async def test_a_program_that_is_no_agent_puts_the_message_back(acp: Agent, hive: Hive) -> None:
    acp.config["options"]["acp.command"] = ["sh", "-c", "echo I am no agent >&2; exit 3"]
    await started(acp, hive)
    await hive.push("hello")
    assert (await hive.ended())["outcome"] == "requeue"
    await hive.until(lambda: "I am no agent" in problem(hive))


def children(pid: int) -> list[int]:
    """Of the process and of its children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return [*found, *(grand for child in found if os.path.exists(f"/proc/{child}") for grand in children(child))]
