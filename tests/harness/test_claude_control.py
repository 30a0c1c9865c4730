"""The operator's orders to the real CLI, and what keeps its session going, in both its forms."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.harness.agent import Agent, is_alive
from tests.harness.claude import RUN, counted, reported, script, started
from tests.harness.hive import Hive
from tests.stubs.messages_api import MessagesApi

RUN_FOR_EVER = {"tool": RUN, "input": {"command": "echo $$ > pid.new; mv pid.new pid; tail -f /dev/null"}}
TOO_LONG = {"status": 400, "message": "prompt is too long: 210000 tokens > 200000 maximum"}


def said(api: MessagesApi, number: int = -1) -> str:
    return json.dumps(api.requests[number]["messages"])


def session_of(agent: Agent) -> str:
    return str(json.loads((agent.notes / ".hive/session.json").read_text())["session"])


async def turn(hive: Hive, *turns: Any, number: int = 1) -> None:
    await hive.push(script(*turns))
    assert (await hive.ended(number))["outcome"] == "ok"


async def running(claude: Agent, hive: Hive) -> int:
    """A turn whose shell runs until somebody ends it; the shell's pid."""
    await hive.push(script(RUN_FOR_EVER, {"text": "never"}))
    await claude.until((claude.notes / "pid").exists)
    return int((claude.notes / "pid").read_text())


async def test_an_interrupt_ends_the_turn_and_keeps_the_session(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    session, shell = session_of(claude), await running(claude, hive)
    assert (await hive.ordered("interrupt"))["ok"]
    ended = await hive.ended(2)
    assert (ended["outcome"], ended["error"]) == ("failed", "interrupted by the operator")
    await claude.until(lambda: not is_alive(shell))
    await turn(hive, {"text": "going on"}, number=3)
    assert session_of(claude) == session
    assert "first answer" in said(api)


async def test_a_model_that_stalls_can_be_interrupted(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(claude, hive)
    await hive.push(script({"stall": True}))
    await api.asked.wait()
    assert (await hive.ordered("interrupt"))["ok"]
    assert (await hive.ended())["error"] == "interrupted by the operator"


async def test_a_session_is_compacted_by_order(claude: Agent, hive: Hive) -> None:
    await started(claude, hive)
    assert (await hive.ordered("compact"))["text"] == "there is no session yet"
    await turn(hive, {"text": "first answer"})
    session = session_of(claude)
    answer = await hive.ordered("compact")
    assert (answer["ok"], answer["text"].startswith("compacted to ")) == (True, True)
    await turn(hive, {"text": "second answer"}, number=2)
    assert session_of(claude) == session


async def test_a_new_session_knows_nothing_of_the_old_one(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    assert (await hive.ordered("new_session"))["ok"]
    await turn(hive, {"text": "second answer"}, number=2)
    assert "first answer" not in said(api)


async def test_the_model_is_changed_within_the_session(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    assert (await hive.ordered("set_model", model="claude-haiku-4-5"))["ok"]
    await turn(hive, {"text": "second answer"}, number=2)
    assert api.requests[-1]["model"] == "claude-haiku-4-5"
    assert "first answer" in said(api)
    await hive.until(lambda: reported(hive, model="claude-haiku-4-5"))


async def test_a_session_that_is_too_long_is_compacted_and_the_turn_tried_again(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    """The CLI compacts by itself first; here that fails."""
    hive.takes_events = True
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    session, api.empty_summaries = session_of(claude), 1
    await turn(hive, {**TOO_LONG, "times": 1}, {"text": "second answer"}, number=2)
    await hive.until(lambda: hive.kinds().count("stats") == 2)
    assert {"retry", "compacted"} <= set(hive.kinds())
    stats = [event["data"] for event in hive.events if event["kind"] == "stats"][1]
    assert stats["exit.compact_retry"] == 1
    assert session_of(claude) == session


async def test_a_session_that_cannot_be_compacted_is_left_for_a_new_one(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    session, api.empty_summaries = session_of(claude), 2
    await turn(hive, {**TOO_LONG, "times": 1}, {"text": "second answer"}, number=2)
    assert session_of(claude) != session
    assert "first answer" not in said(api)


async def test_a_session_that_fills_up_is_compacted_before_it_is_full(claude: Agent, hive: Hive) -> None:
    hive.takes_events = True
    claude.config["options"]["autoCompact"] = 40
    claude.config["model"] = "claude-haiku-4-5"
    await started(claude, hive)
    await turn(hive, {"text": "first answer", "usage": {"input_tokens": 90_000}})
    await hive.until(lambda: "compacted" in hive.kinds())
    compacting = hive.events[hive.kinds().index("compacting")]["data"]
    assert compacting == {"percent": 45, "limit": 40}
    await hive.until(lambda: any(0 < (frame["context"] or 0) < 90_000 for frame in hive.of("report")))
    assert hive.of("report")[-1]["context_limit"] == 200_000


async def test_the_session_goes_on_after_the_harness_was_killed(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    starts = counted(claude)
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    shell = await running(claude, hive)
    left = [shell, *pids(starts)]
    claude.signal(signal.SIGKILL)
    await claude.exit_code()
    await hive.until(lambda: hive.waiting() == [(2, True)])
    (claude.notes / "pid").unlink()
    await claude.start()
    await claude.until((claude.notes / "pid").exists)
    assert not any(map(is_alive, left))
    assert "Delivered-Again: yes" in said(api)
    assert "You-Were-Restarted: yes" in said(api)
    assert "first answer" in said(api)


async def test_a_turn_goes_on_while_the_hive_restarts(claude: Agent, hive: Hive) -> None:
    gate = claude.notes / "gate"
    os.mkfifo(gate)
    wait = {"tool": RUN, "input": {"command": "echo x >> begun; read line < gate"}}
    await started(claude, hive)
    await hive.push(script(wait, {"text": "through"}))
    await claude.until((claude.notes / "begun").exists)
    await hive.drop()
    await hive.connected(2)
    gate.write_text("go\n")
    assert (await hive.ended())["outcome"] == "ok"
    assert (claude.notes / "begun").read_text() == "x\n"
    assert [one["body"] for one in hive.sent] == ["through"]


async def test_one_cli_does_many_turns(claude: Agent, hive: Hive) -> None:
    starts = counted(claude)
    await started(claude, hive)
    for number in range(1, 5):
        await turn(hive, {"text": f"answer {number}"}, number=number)
    persistent = claude.config["options"]["claude.persistent"]
    assert len(pids(starts)) == (1 if persistent else 4)


async def test_a_cli_that_died_between_turns_is_started_again(claude: Agent, hive: Hive, api: MessagesApi) -> None:
    starts = counted(claude)
    await started(claude, hive)
    await turn(hive, {"text": "first answer"})
    for pid in pids(starts):
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    await turn(hive, {"text": "second answer"}, number=2)
    assert len(pids(starts)) == 2
    assert "first answer" in said(api)


def pids(starts: Path) -> list[int]:
    return [int(line) for line in starts.read_text().split()]
