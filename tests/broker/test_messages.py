"""Messages through the real web process: stored, pushed, leased, acknowledged, delivered again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.broker.hive import Agentlike, Hive, until

Names = Callable[..., list[str]]


async def test_a_message_is_pushed_leased_and_acknowledged(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello()
        ident = await sender.send(bob, "grüß dich")
        message = await recipient.message()
        assert message["body"] == "grüß dich"
        assert (message["id"], message["sender"], message["provenance"]) == (ident, alice, "agent")
        assert (message["redelivered"], message["in_reply_to"]) == (False, None)
        assert message["created_at"].endswith("+00:00")
        assert hive.states(bob) == ["delivered"]
        await recipient.say(type="turn_started", turn="t", messages=[ident])
        until(lambda: hive.agent(bob, "busy_since"))
        await recipient.say(type="turn_ended", turn="t", outcome="ok")
        until(lambda: hive.states(bob) == ["acknowledged"])
        assert hive.agent(bob, "last_turn_at")
        assert hive.agent(bob, "busy_since") is None


async def test_it_waits_for_a_recipient_that_is_away(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a:
        sender = Agentlike(a)
        await sender.hello()
        ids = [await sender.send(bob, str(number)) for number in range(3)]
    assert hive.states(bob) == ["queued"] * 3
    async with hive.socket(bob) as b:
        recipient = Agentlike(b)
        await recipient.hello(window=3)
        messages = [await recipient.message() for _ in ids]
    assert [message["id"] for message in messages] == ids
    assert not any(message["redelivered"] for message in messages)


async def test_what_was_not_acknowledged_comes_again_oldest_first(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a:
        sender = Agentlike(a)
        await sender.hello()
        first, second = await sender.send(bob, "1"), await sender.send(bob, "2")
        async with hive.socket(bob) as b:
            recipient = Agentlike(b)
            await recipient.hello(window=2)
            await recipient.say(type="turn_started", turn="t", messages=[(await recipient.message())["id"]])
            await recipient.message()
        third = await sender.send(bob, "3")
        async with hive.socket(bob) as b:
            recipient = Agentlike(b)
            await recipient.hello(window=3)
            again = [await recipient.message() for _ in range(3)]
    assert [(message["id"], message["redelivered"]) for message in again] == [
        (first, True),
        (second, True),
        (third, False),
    ]


async def test_a_session_that_replaces_another_gets_what_that_had(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b1, hive.socket(bob) as b2:
        sender, first, second = Agentlike(a), Agentlike(b1), Agentlike(b2)
        await sender.hello()
        await first.hello()
        ident = await sender.send(bob, "once")
        await first.message()
        await second.hello()
        message = await second.message()
        assert (message["id"], message["redelivered"]) == (ident, True)
        await second.turn("t", message)
        until(lambda: hive.states(bob) == ["acknowledged"])


async def test_a_failed_turn_acknowledges_and_a_requeued_one_does_not(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello()
        await sender.send(bob, "again please")
        message = await recipient.message()
        await recipient.turn("t1", message, outcome="requeue")
        message = await recipient.message()
        assert message["redelivered"]
        await recipient.say(type="turn_started", turn="t2", messages=[message["id"]])
        await recipient.say(type="turn_ended", turn="t2", outcome="failed", error="no luck")
        until(lambda: hive.states(bob) == ["acknowledged"])
    assert hive.rows("SELECT error, tries FROM broker_delivery WHERE recipient = ?", bob) == [("no luck", 1)], (
        "what was given back is no try"
    )


async def test_no_more_are_pushed_than_the_window_takes(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello(window=2)
        for number in range(5):
            await sender.send(bob, str(number))
        taken = [await recipient.message(), await recipient.message()]
        assert hive.states(bob) == ["delivered"] * 2 + ["queued"] * 3
        await recipient.turn("t", *taken)
        assert [(await recipient.message())["body"] for _ in range(2)] == ["2", "3"]
        assert hive.states(bob) == ["acknowledged"] * 2 + ["delivered"] * 2 + ["queued"]


async def test_order_is_kept_per_sender_under_load(hive: Hive, names: Names) -> None:
    *senders, bob = names(4)
    async with hive.socket(bob) as b:
        recipient = Agentlike(b)
        await recipient.hello(window=8)

        async def produce(name: str) -> None:
            async with hive.socket(name) as socket:
                agent = Agentlike(socket)
                await agent.hello()
                for number in range(20):
                    await agent.say(
                        type="call", id=str(number), tool="send", args={"to": bob, "body": f"{name} {number}"}
                    )
                answers = [await agent.hear() for _ in range(20)]
                assert all(answer["ok"] for answer in answers)

        work = asyncio.gather(*map(produce, senders))
        bodies = []
        for number in range(60):
            message = await recipient.message()
            bodies.append(message["body"])
            await recipient.turn(f"t{number}", message)
        await work
    for name in senders:
        mine = [body for body in bodies if body.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(20)]


async def test_everyone_gets_what_is_sent_to_the_star(own_hive: Hive) -> None:
    own_hive.add("alice", "bob", "carol")
    own_hive.add("dora", lifecycle="kept")
    own_hive.start()
    async with own_hive.socket("alice") as a, own_hive.socket("bob") as b:
        alice, bob = Agentlike(a), Agentlike(b)
        await alice.hello()
        await bob.hello()
        result = await alice.call("send", to="*", body="hear, hear")
        assert json.loads(result["output"])["to"] == ["bob", "carol"]
        assert (await bob.message())["body"] == "hear, hear"
    assert [own_hive.states(name) for name in ("alice", "carol", "dora")] == [[], ["queued"], []]


async def test_the_same_key_sends_once(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a:
        sender = Agentlike(a)
        await sender.hello()
        first = await sender.send(bob, "pay", idempotency_key="k")
        again = await sender.call("send", to=bob, body="pay", idempotency_key="k")
        assert json.loads(again["output"]) == {"id": first, "to": [bob], "repeated": True}
    assert hive.states(bob) == ["queued"]


async def test_policy_names_its_rule(hive: Hive, names: Names) -> None:
    (bob,) = names(1)
    (alice,) = names(1, allowed=["manager", "operator"])
    async with hive.socket(alice) as a:
        sender = Agentlike(a)
        await sender.hello()
        result = await sender.call("send", to=bob, body="psst")
        assert not result["ok"]
        assert "hyperhive.allowedRecipients" in result["error"]
        assert await sender.send("operator", "may I?")
    assert hive.states(bob) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"to": "nobody-1", "body": "x"}, "there is no agent 'nobody-1'; there are: "),
        ({"to": "operator", "body": "x" * 262_145}, "at most 262144"),
        ({"to": "operator", "body": "a\0b"}, "NUL"),
        ({"to": "operator", "body": ""}, "'body' must have 1"),
        ({"to": "operator", "body": " \n"}, "empty"),
        ({"to": "operator", "body": "x", "sender": "operator"}, "'sender' is not known"),
        ({"to": "operator"}, "'body' is missing"),
        ({"to": "operator", "body": "x", "in_reply_to": 999_999}, "neither got nor sent"),
        ({"to": "operator", "body": "\ud800"}, "surrogate"),
    ],
)
async def test_what_cannot_be_sent_is_refused(hive: Hive, names: Names, args: dict[str, object], says: str) -> None:
    (alice,) = names(1)
    async with hive.socket(alice) as a:
        sender = Agentlike(a)
        await sender.hello()
        result = await sender.call("send", **args)
    assert not result["ok"]
    assert says in result["error"]
    assert hive.rows("SELECT count(*) FROM broker_message WHERE sender = ?", alice) == [(0,)]


async def test_an_answer_names_what_it_answers(hive: Hive, names: Names) -> None:
    alice, bob, eve = names(3)
    async with hive.socket(alice) as a, hive.socket(bob) as b, hive.socket(eve) as e:
        asker, answerer, stranger = Agentlike(a), Agentlike(b), Agentlike(e)
        for agent in (asker, answerer, stranger):
            await agent.hello()
        ident = await asker.send(bob, "how are you?")
        await answerer.send(alice, "fine", in_reply_to=ident)
        assert (await asker.message())["in_reply_to"] == ident
        refused = await stranger.call("send", to=alice, body="me too", in_reply_to=ident)
        assert "neither got nor sent" in refused["error"]


async def test_another_process_wakes_a_connected_agent(hive: Hive, names: Names) -> None:
    (bob,) = names(1)
    async with hive.socket(bob) as b:
        recipient = Agentlike(b)
        await recipient.hello()
        code = f"from broker.sending import *; send(Sender.operator('ann'), '{bob}', 'hello from the shell')"
        await asyncio.to_thread(hive.manage, "shell", "-v", "0", "-c", code)
        message = await recipient.message()
    assert (message["sender"], message["provenance"]) == ("operator", "operator")
    assert message["body"] == "hello from the shell"


async def test_recv_takes_what_waits_into_the_running_turn(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello()
        for body in ("first", "second", "third"):
            await sender.send(bob, body)
        message = await recipient.message()
        assert "no turn of yours" in (await recipient.call("recv"))["error"]
        await recipient.say(type="turn_started", turn="t", messages=[message["id"]])
        shown = json.loads((await recipient.call("recv", peek=True))["output"])
        taken = json.loads((await recipient.call("recv", max=1))["output"])
        assert [message["body"] for message in shown] == ["second", "third"]
        assert [message["body"] for message in taken] == ["second"]
        assert hive.states(bob) == ["delivered", "delivered", "queued"]
        await recipient.say(type="turn_ended", turn="t", outcome="ok")
        assert (await recipient.message())["body"] == "third"
        assert hive.states(bob) == ["acknowledged", "acknowledged", "delivered"]


async def test_recv_waits_for_a_message(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello(window=4)
        await recipient.say(type="turn_started", turn="t", messages=[])
        waiting = asyncio.create_task(recipient.call("recv", wait_seconds=20))
        assert (await sender.call("recv", wait_seconds=1))["error"]
        await sender.send(bob, "at last")
        taken = json.loads((await waiting)["output"])
        assert [message["body"] for message in taken] == ["at last"]
        assert json.loads((await recipient.call("recv"))["output"]) == []
    until(lambda: hive.states(bob) == ["queued"], what="the turn's lease goes back")


async def test_two_sessions_cannot_end_each_others_turns(hive: Hive, names: Names) -> None:
    alice, bob, eve = names(3)
    async with hive.socket(alice) as a, hive.socket(bob) as b, hive.socket(eve) as e:
        sender, recipient, stranger = Agentlike(a), Agentlike(b), Agentlike(e)
        for agent in (sender, recipient, stranger):
            await agent.hello()
        ident = await sender.send(bob, "for bob")
        await recipient.message()
        await stranger.say(type="turn_started", turn="t", messages=[ident])
        assert "not leased" in (await stranger.hear())["message"]
    assert hive.states(eve) == []


async def test_a_status_is_set(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with hive.socket(alice) as a:
        agent = Agentlike(a)
        await agent.hello()
        assert (await agent.call("set_status", text="  reading\nmail "))["ok"]
        assert hive.agent(alice, "status_text") == "reading mail"
        assert "'text'" in (await agent.call("set_status", text="x" * 201))["error"]
        rows = json.loads((await agent.call("list_containers"))["output"])
    row = next(row for row in rows if row["name"] == alice)
    assert row == {"name": alice, "running": False, "connected": True, "status": "reading mail", "tag": "deployed/1"}


async def test_tools_of_the_manager_are_refused_to_others(hive: Hive, names: Names) -> None:
    (alice,) = names(1)
    async with hive.socket(alice) as a:
        agent = Agentlike(a)
        await agent.hello()
        assert "manager only" in (await agent.call("request_spawn", name="dave"))["error"]
        assert "your own log only" in (await agent.call("get_logs", agent="hm1nd"))["error"]
        assert "there is no tool" in (await agent.call("rm"))["error"]
        assert "1 to 500" in (await agent.call("get_logs", lines=501))["error"]
