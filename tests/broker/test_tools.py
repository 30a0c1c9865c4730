"""The tools of an agent over its websocket and over MCP: what they do, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.broker.hive import Agentlike, Hive
from tests.broker.test_mcp import call, session

Names = Callable[..., list[str]]


async def test_a_question_and_its_answer_go_through_the_websocket(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        asker, answerer = Agentlike(a), Agentlike(b)
        await asker.hello()
        await answerer.hello()
        result = await asker.call("ask", question="red or blue?", options=["red", "blue"], to=bob)
        asked = json.loads(result["output"])
        told = await answerer.message()
        assert (told["id"], told["kind"], told["provenance"]) == (asked["message"], "question", "agent")
        refused = await asker.call("answer", id=asked["question"], answer="red")
        assert "nobody else can answer" in refused["error"]
        assert (await answerer.call("answer", id=asked["question"], answer="mauve"))["ok"]
        reply = await asker.message()
        assert (reply["kind"], reply["sender"], reply["in_reply_to"]) == ("question_answered", bob, told["id"])
        assert reply["body"].startswith("mauve\n")


async def test_a_question_and_its_answer_go_through_mcp(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with session(hive, alice) as asker, session(hive, bob) as answerer:
        ok, text = await call(asker, "ask", question="ready?", to=bob)
        question = json.loads(text)["question"]
        assert ok
        assert (await call(asker, "answer", id=question, answer="yes"))[0] is False
        _, text = await call(answerer, "get_loose_ends")
        assert [(end["kind"], end["id"], end["with"]) for end in json.loads(text)] == [("to_answer", question, alice)]
        assert (await call(answerer, "answer", id=question, answer="yes"))[0]
    assert hive.rows("SELECT state, answered_by FROM broker_question WHERE id = ?", question) == [("answered", bob)]


async def test_an_urgent_message_overtakes(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with session(hive, alice) as sender:
        await call(sender, "send", to=bob, body="slow")
        await call(sender, "send", to=bob, body="fast", priority="urgent")
        ok, text = await call(sender, "send", to=bob, body="x", priority="urgent", ttl_seconds=5)
        assert (ok, "urgent" in text) == (False, True)
    async with hive.socket(bob) as b:
        recipient = Agentlike(b)
        await recipient.hello(window=4)
        first, second = await recipient.message(), await recipient.message()
    assert [(first["body"], first["urgent"]), (second["body"], second["urgent"])] == [("fast", True), ("slow", False)]


async def test_loose_ends_are_listed_and_taken_back(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a:
        agent = Agentlike(a)
        await agent.hello()
        reminder = json.loads((await agent.call("remind", message="look", delay_seconds=3600))["output"])["reminder"]
        question = json.loads((await agent.call("ask", question="so?", to=bob))["output"])["question"]
        ends = json.loads((await agent.call("get_loose_ends"))["output"])
        assert {(end["kind"], end["id"]) for end in ends} == {("reminder", reminder), ("question", question)}
        assert (await agent.call("cancel_loose_end", kind="reminder", id=reminder))["ok"]
        assert (await agent.call("cancel_loose_end", kind="question", id=question))["ok"]
        again = await agent.call("cancel_loose_end", kind="reminder", id=reminder)
        assert "no open reminder" in again["error"]
        assert json.loads((await agent.call("get_loose_ends"))["output"]) == []
    async with session(hive, bob) as other:
        ok, text = await call(other, "cancel_loose_end", kind="question", id=question)
        assert (ok, "no open question" in text) == (False, True)


async def test_an_agent_looks_at_others_and_at_itself(hive: Hive, names: Names) -> None:
    (bob,) = names(1)
    (alice,) = names(1, allowed=[bob, "operator"])
    async with session(hive, alice) as talking:
        own = json.loads((await call(talking, "get_agent_meta"))[1])
        other = json.loads((await call(talking, "get_agent_meta", name=bob))[1])
        missing = await call(talking, "get_agent_meta", name="nobody-1")
    assert (own["name"], own["allowed_recipients"], own["deployed_tag"]) == (alice, [bob, "operator"], "deployed/1")
    assert (other["name"], other["connected"]) == (bob, False)
    assert "allowed_recipients" not in other
    assert (missing[0], "there is no agent 'nobody-1'" in missing[1]) == (False, True)


async def test_an_agent_searches_its_own_messages_only(hive: Hive, names: Names) -> None:
    alice, bob, eve = names(3)
    async with session(hive, alice) as a, session(hive, bob) as b, session(hive, eve) as e:
        await call(a, "send", to=bob, body="the zeppelin lands at noon")
        mine, theirs, others = [
            json.loads((await call(each, "search_messages", query="zeppelin"))[1]) for each in (a, b, e)
        ]
    assert [found["body"] for found in mine] == ["the zeppelin lands at noon"]
    assert theirs == mine
    assert others == []


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {}, "'question' is missing"),
    ("ask", {"question": 5}, "'question' must be text"),
    ("ask", {"question": ""}, "1 to"),
    ("ask", {"question": "x" * 20_001}, "20000"),
    ("ask", {"question": "x", "options": "red"}, "'options' must be a list"),
    ("ask", {"question": "x", "options": [5]}, "'options'[0] must be text"),
    ("ask", {"question": "x", "options": ["a"] * 13}, "at most 12"),
    ("ask", {"question": "x", "options": ["a", "a"]}, "differ"),
    ("ask", {"question": "x", "multi": "yes"}, "true or false"),
    ("ask", {"question": "x", "ttl_seconds": 0}, "whole number from 1"),
    ("ask", {"question": "x", "ttl_seconds": 1.5}, "whole number"),
    ("ask", {"question": "x", "to": "nobody-1"}, "there is no agent"),
    ("ask", {"question": "x", "to": "*"}, "one other"),
    ("ask", {"question": "x", "asker": "operator"}, "'asker' is not known"),
    ("answer", {"id": 1}, "'answer' is missing"),
    ("answer", {"id": "1", "answer": "x"}, "whole number"),
    ("answer", {"id": -1, "answer": "x"}, "whole number"),
    ("answer", {"id": 2**63, "answer": "x"}, "whole number"),
    ("answer", {"id": 999_999, "answer": "x"}, "there is no question 999999 for you"),
    ("answer", {"id": 1, "answer": "x" * 20_001}, "20000"),
    ("remind", {"message": "x"}, "either delay_seconds or at"),
    ("remind", {"message": "x", "delay_seconds": 0}, "whole number from 1"),
    ("remind", {"message": "x", "delay_seconds": True}, "whole number"),
    ("remind", {"message": "x", "at": "tomorrow"}, "ISO 8601"),
    ("remind", {"message": "x", "at": "2030-01-01T00:00:00"}, "time zone"),
    ("remind", {"message": "x", "at": "1999-01-01T00:00:00Z"}, "in the past"),
    ("remind", {"message": "x", "at": "9999-12-31T23:59:59Z"}, "more than a year"),
    ("remind", {"message": "x", "at": "9999-12-31T23:59:59-14:00"}, "more than a year"),
    ("remind", {"message": "a\0b", "delay_seconds": 5}, "NUL"),
    ("remind", {"message": " ", "delay_seconds": 5}, "empty"),
    ("get_loose_ends", {"of": "bob"}, "'of' is not known"),
    ("cancel_loose_end", {"kind": "wish", "id": 1}, "there is no kind 'wish'"),
    ("cancel_loose_end", {"kind": "to_answer", "id": 1}, "use the tool answer"),
    ("cancel_loose_end", {"kind": "reminder"}, "'id' is missing"),
    ("get_agent_meta", {"name": "nobody-1"}, "there is no agent"),
    ("get_agent_meta", {"name": ""}, "1 to 40"),
    ("search_messages", {"query": "?!"}, "one word at least"),
    ("search_messages", {"query": "x" * 201}, "1 to 200"),
    ("search_messages", {"query": "x", "limit": 51}, "1 to 50"),
    ("search_messages", {"query": " ".join("abcdefghijklmnopqrst")}, "at most 16 words"),
    ("send", {"to": "operator", "body": "x", "priority": "highest"}, "must be one of normal, urgent"),
    ("send", {"to": "operator", "body": "x", "ttl_seconds": 0}, "whole number from 1"),
    ("send", {"to": "operator", "body": "x", "provenance": "operator"}, "'provenance' is not known"),
    ("send", {"to": "operator", "body": "x", "kind": "spawned"}, "'kind' is not known"),
    ("set_status", {"text": "x" * 201}, "0 to 200"),
]


async def test_what_makes_no_sense_is_refused_and_changes_nothing(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    wrong = []
    async with hive.socket(alice) as a:
        agent = Agentlike(a)
        await agent.hello()
        for tool, args, says in BAD:
            result = await agent.call(tool, **args)
            if result["ok"] or says not in result["error"]:
                wrong.append((tool, args, result))
    assert wrong == []
    for table, column in (("message", "sender"), ("question", "asker"), ("reminder", "agent")):
        assert hive.rows(f"SELECT count(*) FROM broker_{table} WHERE {column} = ?", alice) == [(0,)]


@pytest.mark.parametrize("tool", ["ask", "answer", "remind", "cancel_loose_end", "search_messages"])
async def test_mcp_refuses_the_same(hive: Hive, names: Names, tool: str) -> None:
    (alice,) = names(1)
    async with session(hive, alice) as talking:
        for name, args, says in BAD:
            if name == tool:
                ok, text = await call(talking, tool, **args)
                assert (ok, says in text) == (False, True), (args, text)
