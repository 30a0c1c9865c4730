"""The manager asks for approvals over MCP; the test plays the worker that pins them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from tests.broker.hive import Hive, until
from tests.broker.test_mcp import call, session

Names = Callable[..., list[str]]


def approval(hive: Hive, agent: str) -> int:
    """Wait until an approval for this agent is asked for; its id."""
    sql = "SELECT a.id FROM approvals_approval a JOIN agents_agent g ON g.id = a.agent_id WHERE g.name = ?"
    until(lambda: hive.rows(sql, agent))
    return int(hive.rows(sql, agent)[0][0])


def pin(hive: Hive, ident: int, status: str, commit: str = "", note: str = "") -> None:
    sql = 'UPDATE approvals_approval SET status = ?, "commit" = ?, note = ? WHERE id = ?'
    hive.execute(sql, status, commit, note, ident)
    hive.publish("approvals", ident)


def manager(hive: Hive) -> None:
    if "hm1nd" not in hive.tokens:
        hive.add("hm1nd")


async def test_a_spawn_is_asked_for_and_comes_back_pinned(hive: Hive) -> None:
    manager(hive)
    async with session(hive, "hm1nd") as talking:
        asking = asyncio.create_task(call(talking, "request_spawn", name="newone", description="we need one"))
        ident = await asyncio.to_thread(approval, hive, "newone")
        pinned = time.monotonic()
        pin(hive, ident, "pending", "c" * 40)
        ok, text = await asking
        assert time.monotonic() - pinned < 5, "it does not wait for its time to be up"
    assert (ok, json.loads(text)) == (True, {"approval": ident, "status": "pending", "commit": "c" * 40})
    sql = "SELECT requested_by, description FROM approvals_approval WHERE id = ?"
    assert hive.rows(sql, ident) == [("agent:hm1nd", "we need one")]


async def test_what_does_not_evaluate_is_an_error_with_the_evaluators_message(hive: Hive, names: Names) -> None:
    manager(hive)
    (alice,) = names(1)
    async with session(hive, "hm1nd") as talking:
        asking = asyncio.create_task(call(talking, "request_apply_commit", agent=alice, commit_ref="abcdef0"))
        ident = await asyncio.to_thread(approval, hive, alice)
        pin(hive, ident, "failed", note="agent.nix:3: syntax error")
        assert await asking == (False, f"approval {ident} failed: agent.nix:3: syntax error")


async def test_nonsense_is_refused_and_recorded_nowhere(hive: Hive, names: Names) -> None:
    manager(hive)
    (alice,) = names(1)
    async with session(hive, "hm1nd") as talking:
        for tool, args, says in [
            ("request_spawn", {"name": "Über"}, "not allowed"),
            ("request_spawn", {"name": "waytoolong1"}, "too long"),
            ("request_spawn", {"name": "hm1nd"}, "manager"),
            ("request_spawn", {"name": alice}, "is there already"),
            ("request_apply_commit", {"agent": alice, "commit_ref": "../x"}, "not a commit"),
            ("request_apply_commit", {"agent": "ghost", "commit_ref": "abcdef0"}, "no agent"),
        ]:
            ok, text = await call(talking, tool, **args)
            assert (ok, says in text) == (False, True), text
    assert hive.rows("SELECT count(*) FROM approvals_approval a JOIN agents_agent g ON g.id = a.agent_id "
                     "WHERE g.name = ?", alice) == [(0,)]  # fmt: skip


async def test_a_draft_is_made_and_then_asked_for(hive: Hive) -> None:
    manager(hive)
    job = "SELECT j.id FROM agents_job j JOIN agents_agent a ON a.id = j.agent_id WHERE a.name = 'dra' AND kind = ?"
    async with session(hive, "hm1nd") as talking:
        asking = asyncio.create_task(call(talking, "request_spawn_draft", name="dra"))
        await asyncio.to_thread(until, lambda: hive.rows(job, "draft"))
        hive.execute("UPDATE agents_job SET status = 'done' WHERE id = ?", hive.rows(job, "draft")[0][0])
        hive.publish("jobs", hive.rows(job, "draft")[0][0])
        ok, text = await asking
        assert (ok, json.loads(text)["config"], json.loads(text)["made"]) == (True, "/agents/dra/config", True)
        asking = asyncio.create_task(call(talking, "request_spawn_commit", name="dra", commit_ref="abcdef0"))
        ident = await asyncio.to_thread(approval, hive, "dra")
        pin(hive, ident, "pending", "d" * 40)
        ok, text = await asking
        assert (ok, json.loads(text)["commit"]) == (True, "d" * 40)
        assert hive.rows("SELECT kind, commit_ref FROM approvals_approval WHERE id = ?", ident) == [
            ("spawn", "abcdef0")
        ]


async def test_an_end_is_asked_for_without_waiting_for_anything(hive: Hive, names: Names) -> None:
    manager(hive)
    (alice,) = names(1)
    async with session(hive, "hm1nd") as talking:
        ok, text = await call(talking, "request_destroy", agent=alice, description="done here")
        ident = json.loads(text)["approval"]
        assert (ok, json.loads(text)["status"]) == (True, "pending")
        assert await call(talking, "request_destroy", agent="hm1nd") == (
            False,
            "hm1nd is the manager: the hive cannot do without it",
        )
    assert hive.rows("SELECT kind, description FROM approvals_approval WHERE id = ?", ident) == [
        ("destroy", "done here")
    ]


async def test_older_requests_that_wait_are_named(hive: Hive, names: Names) -> None:
    manager(hive)
    (alice,) = names(1)
    told = []
    async with session(hive, "hm1nd") as talking:
        for commit in ("abcdef0", "abcdef1"):
            asking = asyncio.create_task(call(talking, "request_apply_commit", agent=alice, commit_ref=commit))
            sql = "SELECT id FROM approvals_approval WHERE commit_ref = ? AND status = 'pinning'"
            await asyncio.to_thread(until, lambda: hive.rows(sql, commit))  # noqa: B023
            pin(hive, hive.rows(sql, commit)[0][0], "pending", commit[-1] * 40)
            told.append(json.loads((await asking)[1]))
    assert "older_requests_waiting" not in told[0]
    assert told[1]["older_requests_waiting"] == [told[0]["approval"]]
