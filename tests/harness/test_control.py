"""What the operator orders, as the hive's frames bring it: to a scripted agent, which has no model."""

from __future__ import annotations

import asyncio

from tests.harness.agent import Agent, is_alive
from tests.harness.hive import Hive
from tests.harness.test_life import Held


async def test_a_ping_is_answered(alice: Agent, hive: Hive) -> None:
    answer = await hive.ordered("ping")
    assert (answer["ok"], answer["text"]) == (True, "pong")


async def test_an_interrupt_ends_the_turn_and_its_programs(alice: Agent, hive: Hive) -> None:
    held = Held(alice, hive)
    await held.begin()
    assert (await hive.ordered("interrupt"))["ok"]
    ended = await hive.ended()
    assert (ended["outcome"], ended["error"]) == ("failed", "interrupted by the operator")
    assert not any(is_alive(pid) for pid in held.pids())
    await hive.push("next")
    assert (await hive.ended(2))["outcome"] == "ok"


async def test_an_interrupt_without_a_turn_says_so(alice: Agent, hive: Hive) -> None:
    answer = await hive.ordered("interrupt")
    assert (answer["ok"], answer["text"]) == (False, "no turn runs")


async def test_a_pause_lets_the_turn_end_and_holds_the_next(alice: Agent, hive: Hive) -> None:
    held = Held(alice, hive)
    await held.begin()
    await hive.push("another")
    assert "finished first" in (await hive.ordered("pause"))["text"]
    await held.finish()
    await hive.ended()
    assert (await hive.ordered("ping"))["ok"]
    assert len(hive.of("turn_started")) == 1
    assert (await hive.ordered("resume"))["ok"]
    await hive.ended(2)


async def test_a_pause_is_kept_over_a_new_start(agent: Agent, hive: Hive) -> None:
    hive.paused = True
    await agent.start()
    await hive.connected()
    await hive.push("hello")
    assert (await hive.ordered("ping"))["ok"]
    assert hive.of("turn_started") == []
    hive.paused = False
    await hive.drop()
    assert (await hive.ended())["outcome"] == "ok"


async def test_an_order_that_comes_twice_is_done_once(alice: Agent, hive: Hive) -> None:
    first = await hive.ordered("interrupt")
    held = Held(alice, hive)
    await held.begin()
    await hive.say({"type": "control", "id": first["id"], "verb": "interrupt", "args": {}})
    await hive.until(lambda: len(hive.of("control_result")) == 2)
    assert hive.of("control_result")[1] == first
    await held.finish()
    assert (await hive.ended())["outcome"] == "ok"


async def test_what_a_scripted_agent_cannot_do_is_said(alice: Agent, hive: Hive) -> None:
    for verb in ("compact", "new_session", "set_model"):
        answer = await hive.ordered(verb)
        assert (answer["ok"], "no model" in answer["text"]) == (False, True)
    assert "does not know" in (await hive.ordered("explode"))["text"]


async def test_an_order_that_waits_for_a_turn_is_answered_after_it(alice: Agent, hive: Hive) -> None:
    held = Held(alice, hive)
    await held.begin()
    ident = await hive.order("compact")
    assert (await hive.ordered("ping"))["ok"]
    assert all(frame["id"] != ident for frame in hive.of("control_result"))
    await asyncio.gather(held.finish(), hive.ended())
    await hive.until(lambda: any(frame["id"] == ident for frame in hive.of("control_result")))
