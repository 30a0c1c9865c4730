"""The claude driver with the real CLI, in both its forms, against a loopback stub of the Messages API."""

from __future__ import annotations

import json
import shutil
import signal
import stat

import pytest

from tests.harness.agent import Agent, is_alive
from tests.harness.claude import RUN, SEND, problem, reported, script, started
from tests.harness.hive import Hive
from tests.stubs.messages_api import MessagesApi


async def test_the_model_calls_the_hives_tools_and_the_operator_is_answered(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    claude.config["options"]["instructions"] = "You look after the garden."
    await started(claude, hive)
    await hive.push(script({"tool": SEND, "input": {"to": "bob", "body": "hello bob"}}, {"text": "I told bob."}))
    ended = await hive.ended()
    assert ended["outcome"] == "ok"
    assert [(one["to"], one["body"]) for one in hive.sent] == [("bob", "hello bob"), ("operator", "I told bob.")]
    assert hive.sent[1]["in_reply_to"] == 1
    assert reported(hive, needs_login=False, problem=None)
    request = api.requests[0]
    said = json.dumps(request)
    assert "From: operator (operator)\\nMessage: 1" in said
    assert "You are alice" in said
    assert "You look after the garden." in said
    assert {tool["name"] for tool in request["tools"]} >= {"Read", SEND, RUN}
    assert "Bash" not in {tool["name"] for tool in request["tools"]}
    assert all(secret not in said + claude.log() for secret in (hive.token, "key-of-alice"))


async def test_nothing_of_the_harness_reaches_a_commands_environment(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    await started(claude, hive)
    await hive.push(script({"tool": RUN, "input": {"command": "env"}}, {"text": "ok"}))
    await hive.ended()
    [told] = [part["content"] for part in api.requests[1]["messages"][-1]["content"] if part["type"] == "tool_result"]
    text = told if isinstance(told, str) else told[0]["text"]
    names = {line.partition("=")[0] for line in text.splitlines()}
    assert "HYPERHIVE_STATE_DIR" in names
    assert not names & {"IS_SANDBOX", "SOMETHING_ELSE", "HIVE_RUN_DIR", "ANTHROPIC_API_KEY"}
    assert hive.token not in text


async def test_agents_are_answered_by_the_model_only(claude: Agent, hive: Hive) -> None:
    await started(claude, hive)
    await hive.push(script({"text": "talking to myself"}), sender="bob", provenance="agent")
    assert (await hive.ended())["outcome"] == "ok"
    assert hive.sent == []


async def test_a_session_goes_on_over_turns_and_restarts(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(claude, hive)
    await hive.push(script({"text": "first answer"}))
    await hive.ended()
    claude.signal(signal.SIGTERM)
    assert await claude.exit_code() == 0
    claude.config["options"]["instructions"] = "New instructions."
    claude.write(hive.token)
    await claude.start()
    await hive.push(script({"text": "second answer"}))
    await hive.ended(2)
    said = json.dumps(api.requests[-1])
    assert "first answer" in said
    assert "New instructions." in said


async def test_a_lost_session_is_begun_anew(claude: Agent, hive: Hive) -> None:
    (claude.notes / ".hive").mkdir()
    lost = {"session": "6863970e-e790-44f8-81dc-1ed9fe8775c6", "prompt": ""}
    (claude.notes / ".hive/session.json").write_text(json.dumps(lost))
    await started(claude, hive)
    await hive.push(script({"text": "here again"}))
    assert (await hive.ended())["outcome"] == "ok"
    kept = json.loads((claude.notes / ".hive/session.json").read_text())
    assert kept["session"] != lost["session"]


async def test_a_refused_login_is_asked_for_once_and_the_message_waits(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    await started(claude, hive)
    await hive.push(script({"status": 401}))
    assert (await hive.ended())["outcome"] == "requeue"
    await hive.until(lambda: reported(hive, needs_login=True))
    assert "not signed in" in problem(hive)
    asked = len(api.requests)
    with pytest.raises(TimeoutError):
        await hive.until(lambda: len(hive.of("turn_started")) == 2, seconds=1.5)
    (claude.home / ".claude/.credentials.json").write_text("{}")
    await hive.until(lambda: len(hive.of("turn_started")) == 2)
    assert len(api.requests) == asked


async def test_an_agent_that_is_not_signed_in_says_so_before_any_message(claude: Agent, hive: Hive) -> None:
    del claude.env["ANTHROPIC_API_KEY"]
    await started(claude, hive)
    await hive.until(lambda: reported(hive, needs_login=True))
    assert "claude auth login" in problem(hive)


async def test_a_rate_limit_puts_the_message_back_and_names_the_time(claude: Agent, hive: Hive) -> None:
    await started(claude, hive)
    await hive.push(script({"status": 429}))
    assert (await hive.ended())["outcome"] == "requeue"
    await hive.until(lambda: "the next try is at 20" in problem(hive))


async def test_a_refused_request_fails_the_turn_with_the_reason(claude: Agent, hive: Hive) -> None:
    await started(claude, hive)
    await hive.push(script({"status": 400, "message": "no such thing"}))
    ended = await hive.ended()
    assert ended["outcome"] == "failed"
    assert "no such thing" in ended["error"]


async def test_a_missing_cli_is_said_plainly_and_the_message_stays(claude: Agent, hive: Hive) -> None:
    shutil.rmtree(claude.home / "bin")
    await started(claude, hive)
    await hive.push("hello")
    await hive.until(lambda: "not installed" in problem(hive))
    assert hive.of("turn_started") == []


async def test_a_model_that_stalls_is_stopped_in_time(claude: Agent, hive: Hive) -> None:
    claude.config["options"]["idleTimeout"] = 2
    await started(claude, hive)
    await hive.push(script({"stall": True}))
    ended = await hive.ended()
    assert ended["outcome"] == "failed"
    assert "no sign of life for 2 s" in ended["error"]


async def test_a_turn_without_the_hives_tools_is_refused(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    hive.mcp_down = True
    await started(claude, hive)
    await hive.push(script({"text": "pretending"}))
    assert (await hive.ended())["outcome"] == "requeue"
    assert hive.sent == []
    await hive.until(lambda: "tools are not there" in problem(hive))


async def test_stopping_interrupts_the_cli_and_leaves_nothing_running(claude: Agent, hive: Hive) -> None:
    note = claude.notes / "pid"
    stubborn = f"trap '' INT TERM HUP; echo $$ > {note}.new; mv {note}.new {note}; exec sleep 300"
    command = f'(setsid sh -c "{stubborn.replace("$", chr(92) + "$")}" &); tail -f /dev/null'
    await started(claude, hive)
    await hive.push(script({"tool": RUN, "input": {"command": command}}, {"text": "never"}))
    await hive.until(lambda: hive.of("turn_started"))
    await claude.until(lambda: note.exists())
    claude.signal(signal.SIGTERM)
    assert await claude.exit_code(5) == 0
    await claude.until(lambda: not is_alive(int(note.read_text())))
    assert hive.of("turn_ended") == []


async def test_the_secret_address_is_for_the_owner_only(claude: Agent, hive: Hive) -> None:
    claude.env["TMPDIR"] = str(claude.home)
    await started(claude, hive)
    await hive.push(script({"stall": True}))
    await claude.until(lambda: list(claude.home.glob("hive-agent-*/mcp.json")))
    [file] = claude.home.glob("hive-agent-*/mcp.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    claude.signal(signal.SIGTERM)
    assert await claude.exit_code(5) == 0
    assert not file.parent.exists()
