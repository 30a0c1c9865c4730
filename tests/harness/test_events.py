"""Events of the harness on their way to the hive: all of them, in order, each once."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.harness.agent import Agent
from tests.harness.hive import Hive


def in_file(agent: Agent) -> list[int]:
    with closing(sqlite3.connect(agent.notes / "hyperhive-events.sqlite")) as rows:
        return [seq for (seq,) in rows.execute("SELECT seq FROM events ORDER BY seq")]


async def begin(agent: Agent, hive: Hive) -> None:
    hive.takes_events = True
    await agent.start()
    await hive.connected()


async def test_a_turn_is_told_with_its_statistics(agent: Agent, hive: Hive) -> None:
    await begin(agent, hive)
    (agent.notes / "notes.md").write_text("remember")
    step = {"tool": "send", "args": {"to": "bob", "body": "hi"}}
    await hive.push(f"```hive\n{json.dumps([step])}\n```")
    await hive.until(lambda: "stats" in hive.kinds())
    stats = hive.events[hive.kinds().index("stats")]["data"]
    assert {key: stats[key] for key in ("turns", "exit.ok", "tool_calls", "tool.send", "notes_bytes")} == {
        "turns": 1, "exit.ok": 1, "tool_calls": 1, "tool.send": 1, "notes_bytes": 8
    }  # fmt: skip
    assert stats["messages_in.operator"] == 1
    assert stats["turn_seconds"] > 0
    turn = hive.of("turn_ended")[0]["turn"]
    of_turn = [event["kind"] for event in hive.events if event["data"].get("turn") == turn]
    assert of_turn == ["turn_started", "step", "tool_call", "message_sent", "message_sent", "turn_ended"]


async def test_what_happens_while_the_hive_is_away_comes_later_and_once(agent: Agent, hive: Hive) -> None:
    await begin(agent, hive)
    for number in range(3):
        await hive.push(f"hello {number}")
        await hive.ended(number + 1)
        await hive.drop()
        await hive.connected(number + 2)
    await hive.until(lambda: len(hive.events) == len(in_file(agent)))
    assert [event["seq"] for event in hive.events] == in_file(agent)


async def test_a_hive_that_has_them_already_gets_only_what_is_new(agent: Agent, hive: Hive) -> None:
    await begin(agent, hive)
    await hive.push("hello")
    await hive.until(lambda: "stats" in hive.kinds())
    await agent.stop()
    before = len(hive.events)
    await agent.start()
    await hive.connected(2)
    await hive.until(lambda: hive.kinds().count("connected") == 2)
    seqs = [event["seq"] for event in hive.events]
    assert before < len(seqs)
    assert seqs == sorted(set(seqs)) == in_file(agent)


async def test_a_hive_without_them_gets_all_there_are(agent: Agent, hive: Hive) -> None:
    await begin(agent, hive)
    await hive.until(lambda: hive.events)
    hive.events, hive.epoch = [], "another"
    await hive.drop()
    await hive.until(lambda: hive.kinds().count("connected") == 2)
    assert hive.events[0]["seq"] == 1


async def test_an_agent_that_spoils_its_file_only_loses_events(agent: Agent, hive: Hive) -> None:
    (agent.notes / "hyperhive-events.sqlite").write_text("not a database, whatever it is called")
    await begin(agent, hive)
    await hive.push("hello")
    assert (await hive.ended())["outcome"] == "ok"
    await hive.until(lambda: "turn_ended" in hive.kinds())


async def test_rows_that_the_agent_wrote_itself_do_no_harm(agent: Agent, hive: Hive) -> None:
    await begin(agent, hive)
    with closing(sqlite3.connect(agent.notes / "hyperhive-events.sqlite")) as rows, rows:
        rows.execute("INSERT INTO events (ts, kind, data) VALUES ('soon', x'00ff', x'ff'), (NULL, NULL, NULL)")
        rows.execute("INSERT INTO events (ts, kind, data) VALUES (1, 'odd', '[1]')")
    await hive.push("hello")
    await hive.until(lambda: "turn_ended" in hive.kinds())
