"""Which messages run, and which are only reported again."""

from __future__ import annotations

import asyncio

from agents.harness.frames import Message, Turn
from agents.harness.ledger import REMEMBERED, Ledger


def message(number: int = 1) -> Message:
    return Message(id=number, sender="bob", provenance="agent", body="")


def begun(ledger: Ledger, number: int = 1) -> Turn:
    turn = Turn(f"turn-{number}", message(number))
    ledger.begin(turn)
    return turn


async def test_a_message_waits_once_however_often_it_comes() -> None:
    ledger = Ledger()
    assert ledger.offer(message()) == ledger.offer(message()) == []
    assert (await ledger.take()).id == 1
    assert not ledger.waiting


async def test_what_waited_is_the_hives_again_after_a_disconnect() -> None:
    ledger = Ledger()
    ledger.offer(message())
    ledger.disconnected()
    assert not ledger.waiting


async def test_a_message_in_work_is_claimed_again_and_ended_there() -> None:
    ledger = Ledger()
    turn = begun(ledger)
    ledger.disconnected()
    assert ledger.offer(message()) == [turn.started()]
    assert ledger.end("ok") == [turn.ended("ok")]


async def test_what_ends_between_two_sessions_is_reported_on_redelivery() -> None:
    ledger = Ledger()
    turn = begun(ledger)
    ledger.disconnected()
    assert ledger.end("failed", "why") == []
    assert not ledger.settled.is_set()
    assert ledger.offer(message()) == [turn.started(), turn.ended("failed", "why")]
    ledger.reported(turn.ended("failed", "why"))
    assert ledger.settled.is_set()


async def test_a_requeued_message_runs_again() -> None:
    ledger = Ledger()
    begun(ledger)
    ledger.end("requeue")
    assert ledger.offer(message()) == []
    assert (await ledger.take()).id == 1


async def test_only_so_many_finished_messages_are_remembered() -> None:
    ledger = Ledger()
    for number in range(REMEMBERED + 1):
        begun(ledger, number)
        ledger.end("ok")
    assert ledger.offer(message(0)) == []
    assert ledger.offer(message(1)) != []


async def test_a_taker_wakes_when_a_message_comes() -> None:
    ledger = Ledger()
    taking = asyncio.ensure_future(ledger.take())
    await asyncio.sleep(0)
    ledger.offer(message(5))
    assert (await taking).id == 5
