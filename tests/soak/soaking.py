"""`make soak`: eight agents, five hundred turns through a real web process; memory and descriptors must stay flat.

Six agents are scripted, two run the real Claude CLI, in its two forms, against the stub of the Messages API. Exit
status 1, and the numbers that grew, if anything did.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from tests.broker.hive import Hive
from tests.harness.agent import Agent
from tests.harness.claude import configure, script
from tests.stubs.messages_api import MessagesApi

SCRIPTED, CLAUDE = 6, 2
TURNS = int(os.environ.get("SOAK_TURNS", "500"))
CLAUDE_TURNS = 25
WARM = 0.3
"""Of the turns: caches and pools are full by then."""
MORE_DESCRIPTORS, MORE_MEMORY, MORE_SHARE = 8, 12.0, 0.12
SECONDS = 1800.0
SAY = """
import sys, json, django
django.setup()
from broker.sending import Sender, send
for line in sys.stdin:
    agent, body = json.loads(line)
    send(Sender.operator("soak"), agent, body)
"""


@dataclass(frozen=True)
class Size:
    descriptors: int
    megabytes: float

    @classmethod
    def of(cls, pid: int) -> Size:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        private = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        return cls(len(os.listdir(f"/proc/{pid}/fd")), private / 1024)

    def grown(self, since: Size) -> bool:
        memory = since.megabytes * (1 + MORE_SHARE) + MORE_MEMORY
        return self.descriptors > since.descriptors + MORE_DESCRIPTORS or self.megabytes > memory


async def soak() -> int:
    """The exit status."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        hive = Hive()
        try:
            hive.start()
            async with MessagesApi().serving() as api:
                grown = await _soak(hive, Path(folder), api)
        finally:
            hive.close()
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
    return 1 if grown else 0


async def _soak(hive: Hive, folder: Path, api: MessagesApi) -> list[str]:
    agents = [_agent(hive, folder, api, number) for number in range(SCRIPTED + CLAUDE)]
    operator = await asyncio.create_subprocess_exec(sys.executable, "-c", SAY, env=hive.environment, stdin=PIPE)
    try:
        for agent in agents:
            await agent.start()
        await _send(operator, WARM)
        await _done(hive, WARM)
        before = _sizes(hive, agents)
        await _send(operator, 1 - WARM)
        await _done(hive, 1.0)
        return _compared(before, _sizes(hive, agents))
    finally:
        operator.kill()
        await operator.wait()
        for agent in agents:
            await agent.stop()


def _agent(hive: Hive, folder: Path, api: MessagesApi, number: int) -> Agent:
    name = f"s{number}"
    (folder / name).mkdir()
    hive.add(name)
    agent = Agent(folder / name, name=name)
    agent.run_dir.rmdir()
    agent.run_dir = hive.paths.agent_runtime(name)
    if number >= SCRIPTED:
        configure(agent, api, persistent=number % 2 == 0)
    agent.write(hive.tokens[name])
    return agent


def _share(number: int, share: float) -> int:
    of_scripted = (TURNS - CLAUDE * CLAUDE_TURNS) // SCRIPTED
    return round((of_scripted if number < SCRIPTED else CLAUDE_TURNS) * share)


async def _send(operator: Process, share: float) -> None:
    assert operator.stdin is not None
    for number in range(SCRIPTED + CLAUDE):
        for count in range(_share(number, share)):
            operator.stdin.write(json.dumps([f"s{number}", _body(number, count)]).encode() + b"\n")
    await operator.stdin.drain()


def _body(number: int, count: int) -> str:
    if number >= SCRIPTED:
        return script({"tool": "mcp__hyperhive__set_status", "input": {"text": f"turn {count}"}}, {"text": "done"})
    steps = [{"tool": "set_status", "args": {"text": f"turn {count}"}}, {"run": {"argv": ["true"]}}]
    return f"```hive\n{json.dumps(steps)}\n```"


async def _done(hive: Hive, share: float) -> None:
    """Until every message so far was acknowledged and every agent's events are with the hive."""
    wanted = sum(_share(number, WARM) for number in range(SCRIPTED + CLAUDE))
    if share == 1.0:
        wanted += sum(_share(number, 1 - WARM) for number in range(SCRIPTED + CLAUDE))
    sql = "SELECT count(*) FROM broker_delivery WHERE recipient <> 'operator' AND state = 'acknowledged'"
    stats = "SELECT count(*) FROM agents_stat WHERE key = 'turns'"
    async with asyncio.timeout(SECONDS):
        while hive.rows(sql) != [(wanted,)] or hive.rows(stats) != [(wanted,)]:  # noqa: ASYNC110 - rows give no event
            await asyncio.sleep(0.2)
    failed = hive.rows("SELECT count(*) FROM broker_delivery WHERE error <> ''")
    sys.stdout.write(f"{wanted} turns done, {failed[0][0]} failed\n")
    assert failed == [(0,)]


def _sizes(hive: Hive, agents: list[Agent]) -> dict[str, Size]:
    pids = {"web": hive.pid, **{str(agent.config["name"]): agent.process.pid for agent in agents}}
    return {name: Size.of(pid) for name, pid in pids.items()}


def _compared(before: dict[str, Size], after: dict[str, Size]) -> list[str]:
    grown = [name for name in before if after[name].grown(before[name])]
    for name, size in after.items():
        old, mark = before[name], "  GREW" if name in grown else ""
        sys.stdout.write(
            f"{name:<4} descriptors {old.descriptors:>4} → {size.descriptors:>4}"
            f"   memory {old.megabytes:7.1f} → {size.megabytes:7.1f} MB{mark}\n"
        )
    return grown
