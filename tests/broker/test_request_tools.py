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
