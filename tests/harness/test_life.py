"""Connecting, losing the hive, stopping: the harness as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.harness.agent import Agent, is_alive
from tests.harness.hive import Hive, serve


def waiting_block(*, gate: Path, started: Path) -> str:
    """A turn that says it began, then waits until the test opens the gate."""
    program = f"echo $$ >> {started}; mkfifo {gate} 2>/dev/null; read line < {gate}; echo done"
    return f"```hive\n{json.dumps([{'run': {'argv': ['sh', '-c', program]}}])}\n```"


class Held:
    """A turn in work until `finish`."""

    def __init__(self, agent: Agent, hive: Hive) -> None:
        self._agent, self._hive = agent, hive
        self.gate, self.started = agent.notes / "gate", agent.notes / "started"

    async def begin(self) -> None:
        await self._hive.push(waiting_block(gate=self.gate, started=self.started))
        await self._agent.until(self.gate.exists)

    async def finish(self) -> None:
        await asyncio.to_thread(self.gate.write_text, "go\n")

    def pids(self) -> list[int]:
        return [int(word) for word in self.started.read_text().split()]


@pytest.fixture
async def held(alice: Agent, hive: Hive) -> Held:
    held = Held(alice, hive)
    await held.begin()
    return held


async def test_it_says_hello_and_reports_how_it_stands(alice: Agent, hive: Hive) -> None:
    await hive.until(lambda: hive.of("report"))
    hello = hive.frames[0]
    assert (hello["type"], hello["version"], hello["driver"]) == ("hello", 1, "scripted")
    nothing = dict.fromkeys(("problem", "limited_until", "session", "context", "context_limit"))
    assert hive.of("report")[0] == {"type": "report", "needs_login": False, **nothing}


async def test_messages_become_turns_one_by_one(alice: Agent, hive: Hive) -> None:
    for number in range(3):
        await hive.push(f"hello {number}")
    await hive.ended(3)
    kinds = [frame["type"] for frame in hive.frames if frame["type"].startswith("turn_")]
    assert kinds == ["turn_started", "turn_ended"] * 3
    assert [frame["messages"] for frame in hive.of("turn_started")] == [[1], [2], [3]]


async def test_a_turn_survives_a_reconnect_and_is_reported_on_the_new_session(held: Held, hive: Hive) -> None:
    await hive.drop()
    await hive.connected(2)
    await hive.until(lambda: len(hive.of("turn_started")) == 2)
    await held.finish()
    ended = await hive.ended()
    assert {frame["turn"] for frame in hive.of("turn_started")} == {ended["turn"]}
    assert len(held.pids()) == 1
    assert len(hive.sent) == 1


async def test_a_turn_that_ends_while_the_hive_is_away_is_reported_and_not_run_again(alice: Agent, hive: Hive) -> None:
    """The message asks for no answer, which would wait for the hive itself."""
    hold = Held(alice, hive)
    await hive.push(waiting_block(gate=hold.gate, started=hold.started), sender="system", provenance="system")
    await alice.until(hold.gate.exists)
    hive.token = "token-of-nobody"
    await hive.drop()
    await hold.finish()
    await alice.until(lambda: any("turn_ended" in line for line in alice.lines))
    assert hive.of("turn_ended") == []
    alice.write(hive.token)
    await hive.connected(2)
    assert (await hive.ended())["outcome"] == "ok"
    await hive.push("next")
    await hive.ended(2)
    assert len(hold.pids()) == 1


async def test_a_lost_report_is_made_again_when_the_message_comes_back(alice: Agent, hive: Hive) -> None:
    hive.deaf_to_ends = True
    await hive.push("hello")
    await hive.ended()
    hive.deaf_to_ends = False
    await hive.drop()
    again = await hive.ended(2)
    assert again["turn"] == hive.of("turn_ended")[0]["turn"]
    assert len(hive.sent) == 1


async def test_a_new_token_is_read_from_its_file(alice: Agent, hive: Hive) -> None:
    hive.token = "token-of-the-second-start"
    await hive.drop()
    await hive.until(lambda: hive.handshakes.count(403) >= 2)
    alice.write(hive.token)
    await hive.connected(2)
    assert sum("refused the token" in line for line in alice.lines) == 1


async def test_it_waits_for_a_hive_that_is_not_there_yet(agent: Agent) -> None:
    hive = Hive()
    agent.write(hive.token)
    await agent.start()
    await agent.until(lambda: any("disconnected" in line for line in agent.lines))
    async with serve(hive, agent.run_dir / "hive.sock"):
        await hive.connected()


async def test_a_replaced_harness_goes_quietly(alice: Agent, hive: Hive) -> None:
    await hive.drop(4409)
    assert await alice.exit_code() == 0
    assert "another harness" in alice.lines[-1]


async def test_an_unknown_version_ends_it_with_the_hives_words(agent: Agent, hive: Hive) -> None:
    hive.version_error = "this hive speaks version 2, the harness version 1"
    await agent.start()
    assert await agent.exit_code() == 1
    assert hive.version_error in agent.lines[-1]


async def test_stopping_gives_the_message_back(held: Held, alice: Agent, hive: Hive) -> None:
    alice.signal(signal.SIGTERM)
    assert await alice.exit_code(5) == 0
    assert hive.of("turn_ended") == []
    assert not any(is_alive(pid) for pid in held.pids())
    await hive.until(lambda: hive.waiting() == [(1, True)])


async def test_a_drain_finishes_the_turn_and_starts_no_other(held: Held, alice: Agent, hive: Hive) -> None:
    await hive.push("another")
    alice.signal(signal.SIGUSR1)
    await held.finish()
    assert await alice.exit_code() == 0
    assert [frame["outcome"] for frame in hive.of("turn_ended")] == ["ok"]
    assert [number for number, _ in hive.waiting()] == [2]


async def test_a_drain_without_a_turn_ends_at_once(alice: Agent, hive: Hive) -> None:
    alice.signal(signal.SIGUSR1)
    assert await alice.exit_code() == 0


async def test_a_frame_it_does_not_know_changes_nothing(alice: Agent, hive: Hive) -> None:
    await hive.say({"type": "weather", "sky": "blue"})
    await hive.say({"type": "error", "code": "bad_field", "message": "turn_ended: turn"})
    await hive.push("hello")
    assert (await hive.ended())["outcome"] == "ok"
    assert any("bad_field" in line for line in alice.lines)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x"}, "no agent name"),
        ({"name": None}, "'name' must be str"),
        ({"driver": "gpt"}, "'gpt' is not one of claude, acp, scripted"),
        ({"options": []}, "'options' must be dict"),
    ],
)
async def test_a_bad_configuration_is_one_line(agent: Agent, change: dict[str, Any], said: str) -> None:
    agent.config |= change
    agent.write("token-of-the-first-start")
    await agent.start()
    assert await agent.exit_code() == 2
    assert len(agent.lines) == 1
    assert said in agent.lines[0]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.json", "{", "is not JSON"),
        ("config.json", "[]", "must hold a JSON object"),
        ("token", "", "no usable token"),
        ("token", "two words", "no usable token"),
    ],
)
async def test_a_spoilt_file_is_one_line(agent: Agent, file: str, text: str, said: str) -> None:
    agent.write("token-of-the-first-start")
    (agent.run_dir / file).write_text(text)
    await agent.start()
    assert await agent.exit_code() == 2
    assert len(agent.lines) == 1
    assert said in agent.lines[0]


@pytest.mark.parametrize(
    ("name", "value"), [("HIVE_PORT", "80"), ("HIVE_PORT", "x"), ("HYPERHIVE_STATE_DIR", "/no/dir")]
)
async def test_a_bad_variable_is_one_line(agent: Agent, name: str, value: str) -> None:
    agent.write("token-of-the-first-start")
    agent.env[name] = value
    await agent.start()
    assert await agent.exit_code() == 2
    assert len(agent.lines) == 1
    assert name in agent.lines[0]


async def test_a_port_that_is_taken_is_waited_for(agent: Agent, hive: Hive) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", agent.port))
        other.listen()
        await agent.start()
        await hive.connected()
    await hive.push("hello")
    assert (await hive.ended())["outcome"] == "ok"


@pytest.mark.parametrize("text", ["[1]", "no json", '{"type": "message", "id": 1}'])
async def test_what_is_no_frame_makes_it_connect_again(alice: Agent, hive: Hive, text: str) -> None:
    await hive.say_text(text)
    await hive.connected(2)
    await hive.push("hello")
    assert (await hive.ended())["outcome"] == "ok"


async def test_a_ping_is_answered_in_the_middle_of_a_turn_and_makes_none(held: Held, hive: Hive) -> None:
    await hive.say({"type": "ping", "id": "are-you-well"})
    await hive.until(lambda: hive.of("pong"))
    assert hive.of("pong") == [{"type": "pong", "id": "are-you-well"}]
    await held.finish()
    await hive.ended()
    assert len(hive.of("turn_started")) == 1
