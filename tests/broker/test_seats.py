"""A message goes straight to a session with room only when nothing is overtaken by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.hive import Agentlike, Hive, until

Names = Callable[..., list[str]]


class PlainHive(Hive):
    """Its web server offers no takeover, as any other ASGI server: the consumer falls back to `send` and `receive`."""

    web = (
        "import django; django.setup(); from hiveproject import connections;"
        "connections.WebSocket.offer = lambda self: None;"
        "from django.core.management import call_command; call_command('web')"
    )

    @property
    def web_command(self) -> list[str]:
        return ["-c", self.web]


@pytest.fixture(scope="module")
def plain(template: Path) -> Iterator[Hive]:
    hive = PlainHive(template)
    hive.start()
    yield hive
    hive.close()


@pytest.fixture(params=["taken over", "plain"])
def either(request: pytest.FixtureRequest, hive: Hive) -> Hive:
    return hive if request.param == "taken over" else request.getfixturevalue("plain")


async def test_only_as_many_as_the_window_go_out(either: Hive) -> None:
    either.add("wa", "wb")
    async with either.socket("wa") as a, either.socket("wb") as b:
        alice, bob = Agentlike(a), Agentlike(b)
        await alice.hello()
        await bob.hello(window=2)
        ids = [await alice.send("wb", str(number)) for number in range(5)]
        assert either.states("wb") == ["delivered"] * 2 + ["queued"] * 3
        messages = [await bob.message(), await bob.message()]
        await bob.turn("t", *messages)
        late = await alice.send("wb", "late")
        messages += [await bob.message(), await bob.message()]
        await bob.turn("u", *messages[2:])
        messages += [await bob.message(), await bob.message()]
        assert [message["id"] for message in messages] == [*ids, late], "what waits is not overtaken"
        assert [message["body"] for message in messages] == ["0", "1", "2", "3", "4", "late"]
    until(lambda: either.states("wb")[-2:] == ["queued", "queued"], what="given back at the end")


async def test_what_another_process_has_queued_comes_first(hive: Hive, names: Names) -> None:
    """The queue was empty a moment ago; that somebody else has written since is noticed in the transaction."""
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello(window=256)
        for number in range(20):
            await sender.send(bob, "from inside")
            hive.execute(
                "INSERT INTO broker_message (provenance, sender, author, kind, \"to\", body, idempotency_key,"
                " created_at) VALUES ('operator', 'operator', '', 'message', ?, ?, '', '2026-01-01 00:00:00')",
                bob, f"from outside {number}",
            )  # fmt: skip
            hive.execute(
                "INSERT INTO broker_delivery (message_id, recipient, state, session, turn, pushed, redelivered, tries,"
                " urgent, error) SELECT max(id), ?, 'queued', '', '', 0, 0, 0, 0, '' FROM broker_message",
                bob,
            )
        await sender.send(bob, "last")
        got = [await recipient.message() for _ in range(41)]
    idents = [message["id"] for message in got]
    assert idents == sorted(idents)
    assert got[-1]["body"] == "last"


async def test_a_turn_that_is_given_back_is_not_overtaken(hive: Hive, names: Names) -> None:
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello(window=1)
        first = await sender.send(bob, "first")
        message = await recipient.message()
        await recipient.turn("t", message, outcome="requeue")
        second = await sender.send(bob, "second")
        again = await recipient.message()
        assert (again["id"], again["redelivered"]) == (first, True)
        await recipient.turn("u", again)
        assert (await recipient.message())["id"] == second


async def test_ends_of_turns_are_written_though_nothing_follows(hive: Hive, names: Names) -> None:
    """They ride in the next transaction, and do not wait for one for long."""
    alice, bob = names(2)
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello()
        await sender.send(bob, "x")
        await recipient.turn("t", await recipient.message())
        until(lambda: hive.states(bob) == ["acknowledged"])


async def test_what_is_pushed_is_what_recv_shows(hive: Hive, names: Names) -> None:
    """Two encoders, one message: quotes, line ends, other alphabets, halves of nothing."""
    alice, bob = names(2)
    body = "\"'\\ \n\t\r \x01 ä 漢 😀 </script> \u2028"
    async with hive.socket(alice) as a, hive.socket(bob) as b:
        sender, recipient = Agentlike(a), Agentlike(b)
        await sender.hello()
        await recipient.hello(window=1)
        first = await sender.send(bob, body)
        pushed = await recipient.message()
        await recipient.say(type="turn_started", turn="t", messages=[first])
        await sender.send(bob, body, in_reply_to=first, priority="urgent")
        taken = json.loads((await recipient.call("recv"))["output"])[0]
    assert pushed["body"] == taken["body"] == body
    assert pushed.keys() - {"type"} == taken.keys()
    assert (taken["in_reply_to"], taken["urgent"], pushed["in_reply_to"], pushed["urgent"]) == (
        first,
        True,
        None,
        False,
    )
