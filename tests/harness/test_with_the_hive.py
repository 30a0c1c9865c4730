"""A harness and the real web process of a hive: orders, events and statistics from end to end."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.broker import hive as broker
from tests.harness.agent import Agent

NAME = "alice"
OPERATOR = """
import sys, json, django
django.setup()
from agents import actors
from broker import control
from broker.sending import Sender, send
for line in sys.stdin:
    verb, agent, args = json.loads(line)
    if verb == "say":
        said = send(Sender.operator("ada"), agent, args["body"]).id
    else:
        answer = control.send(agent, verb, actor=actors.operator("ada"), wait=60, **args)
        said = [answer.ok, answer.state, answer.text]
    print(json.dumps(said), flush=True)
"""


class Pair:
    """One hive, one harness that is connected to it, and the operator: a process of its own."""

    def __init__(self, hive: broker.Hive, agent: Agent, operator: Process) -> None:
        self.hive, self.agent, self._operator = hive, agent, operator

    async def say(self, body: str) -> None:
        await self.order("say", body=body)

    async def order(self, verb: str, **args: Any) -> Any:
        assert self._operator.stdin is not None
        assert self._operator.stdout is not None
        self._operator.stdin.write(json.dumps([verb, NAME, args]).encode() + b"\n")
        return json.loads(await self._operator.stdout.readline())

    async def connected(self) -> None:
        await self.agent.until(lambda: self.hive.agent(NAME, "connected") == 1, 60)

    async def acknowledged(self, count: int) -> None:
        await self.agent.until(lambda: self.hive.states(NAME).count("acknowledged") == count, 60)

    def events(self) -> list[tuple[int, str]]:
        return [(seq, kind) for seq, kind in self.hive.rows("SELECT seq, kind FROM broker_loggedevent ORDER BY id")]

    async def caught_up(self) -> None:
        """Until the hive has every event of the agent's file."""
        await self.agent.until(lambda: len(self.events()) == len(in_file(self.agent)), 60)


def in_file(agent: Agent) -> list[int]:
    with closing(sqlite3.connect(agent.notes / "hyperhive-events.sqlite")) as rows:
        return [seq for (seq,) in rows.execute("SELECT seq FROM events ORDER BY seq")]


@pytest.fixture
async def pair(tmp_path: Path, template: Path) -> AsyncIterator[Pair]:
    hive = broker.Hive(template)
    agent = Agent(tmp_path)
    operator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPERATOR, env=hive.environment, stdin=PIPE, stdout=PIPE
    )
    try:
        await asyncio.to_thread(hive.start)
        await asyncio.to_thread(hive.add, NAME)
        agent.run_dir.rmdir()
        agent.run_dir = hive.paths.agent_runtime(NAME)
        agent.write(hive.tokens[NAME])
        await agent.start()
        pair = Pair(hive, agent, operator)
        await pair.connected()
        yield pair
    finally:
        await agent.stop()
        operator.kill()
        await operator.wait()
        await asyncio.to_thread(hive.close)
        shutil.rmtree(hive.root, ignore_errors=True)


def waits_for(gate: Path) -> str:
    program = f"mkfifo {gate}; read line < {gate}"
    return f"```hive\n{json.dumps([{'run': {'argv': ['sh', '-c', program]}}])}\n```"


async def test_the_operator_interrupts_pauses_and_goes_on(pair: Pair) -> None:
    gate = pair.agent.notes / "gate"
    assert await pair.order("ping") == [True, "done", "pong"]
    await pair.say(waits_for(gate))
    await pair.agent.until(gate.exists)
    assert (await pair.order("interrupt"))[:2] == [True, "done"]
    await pair.acknowledged(1)
    error = pair.hive.rows("SELECT error FROM broker_delivery WHERE recipient = ?", NAME)
    assert error == [("interrupted by the operator",)]
    assert (await pair.order("pause"))[:2] == [True, "done"]
    await pair.say("are you there?")
    assert (await pair.order("compact"))[1:] == ["failed", "a scripted agent has no model and no session"]
    assert pair.hive.states(NAME).count("queued") == 1
    assert (await pair.order("resume"))[:2] == [True, "done"]
    await pair.acknowledged(2)


async def test_events_and_statistics_arrive_once_over_a_restart_of_the_hive(pair: Pair) -> None:
    gate = pair.agent.notes / "gate"
    await pair.say("hello")
    await pair.acknowledged(1)
    await pair.say(waits_for(gate))
    await pair.agent.until(gate.exists)
    await asyncio.to_thread(pair.hive.kill)
    await asyncio.to_thread(pair.hive.start)
    await pair.connected()
    await asyncio.to_thread(gate.write_text, "go\n")
    await pair.acknowledged(2)
    await pair.caught_up()
    assert [seq for seq, _ in pair.events()] == in_file(pair.agent)
    turns = [kind for _, kind in pair.events() if kind.startswith("turn_")]
    assert turns == ["turn_started", "turn_ended"] * 2
    stats = pair.hive.rows("SELECT key, sum(value) FROM agents_stat GROUP BY key")
    assert dict(stats)["turns"] == 2


async def test_a_pause_holds_for_a_harness_that_starts_anew(pair: Pair) -> None:
    assert (await pair.order("pause"))[0]
    pair.agent.signal(signal.SIGKILL)
    await pair.agent.exit_code()
    await pair.agent.until(lambda: pair.hive.agent(NAME, "connected") == 0, 60)
    await pair.say("hello")
    await pair.agent.start()
    await pair.connected()
    assert (await pair.order("ping"))[0]
    assert pair.hive.states(NAME) == ["queued"]
    assert (await pair.order("resume"))[0]
    await pair.acknowledged(1)
