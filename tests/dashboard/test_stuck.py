from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents import watch
from agents.models import Agent, Change, Stat
from broker.models import LoggedEvent
from hiveproject import overview, stuck
from tests import builders

pytestmark = pytest.mark.django_db


def busy(name: str = "alice", minutes: int = 30, **fields: Any) -> Agent:
    since = timezone.now() - timedelta(minutes=minutes)
    return builders.agent(name, running=True, connected=True, busy_since=since, **fields)


def event(agent: Agent, seq: int, minutes: float = 0, kind: str = "tool_call", **data: Any) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    given = {"tool": "mcp__bash__run", "detail": {"id": str(seq), "input": {"command": "make"}}, **data}
    LoggedEvent.objects.create(agent=agent, epoch="e", seq=seq, at=at, kind=kind, turn="t1", data=given)


def kinds() -> list[tuple[str, str]]:
    return [(one.agent.name, one.kind) for one in stuck.look(Agent.objects.all())]


def test_a_turn_without_a_sign_of_life_is_noticed() -> None:
    event(busy(), 1, minutes=12)
    assert kinds() == [("alice", "silent")]
    [one] = stuck.look(Agent.objects.all())
    assert "no sign of life for 12 minutes" in one.evidence


@pytest.mark.parametrize("fields", [{"minutes": 5}, {"connected": False}, {"frozen": True}, {"lifecycle": "kept"}])
def test_who_has_a_reason_to_be_silent_is_not(fields: dict[str, Any]) -> None:
    given = {"minutes": 30, **fields}
    agent = busy(minutes=given.pop("minutes"))
    Agent.objects.filter(pk=agent.pk).update(**given)
    assert kinds() == []


def test_a_long_turn_that_goes_on_is_not_stuck() -> None:
    event(busy(minutes=300), 1, minutes=1)
    assert kinds() == []


def test_the_same_call_again_and_again_is_noticed() -> None:
    agent = busy(minutes=1)
    for number in range(stuck.REPEATS):
        event(agent, number + 1)
    assert kinds() == [("alice", "looping")]
    assert 'mcp__bash__run {"command": "make"}' in stuck.look(Agent.objects.all())[0].evidence


def test_another_call_in_between_is_no_loop() -> None:
    agent = busy(minutes=1)
    for number in range(stuck.REPEATS):
        detail = {"input": {"command": "make" if number != 3 else "ls"}}
        event(agent, number + 1, detail=detail)
    assert kinds() == []


def test_crashes_one_after_another_are_noticed() -> None:
    agent = builders.agent("alice", failed=True)
    for minutes in (1, 5, 20):
        at = timezone.now() - timedelta(minutes=minutes)
        Stat.objects.create(agent=agent, ts=at, key=watch.CRASH, value=1)
    assert kinds() == [("alice", "crashing")]
    Stat.objects.filter(ts__lt=timezone.now() - timedelta(minutes=10)).update(ts=timezone.now() - timedelta(hours=1))
    assert kinds() == []


def test_the_dashboard_offers_what_helps(client: Client) -> None:
    event(busy(), 1, minutes=12)
    page = client.get("/").content.decode()
    assert "alice is silent" in page
    assert 'action="/agents/alice/orders/interrupt/"' in page
    assert 'action="/agents/alice/restart/"' in page


def test_who_may_only_look_gets_no_buttons(guest: Client) -> None:
    event(busy(), 1, minutes=12)
    page = guest.get("/").content.decode()
    assert "alice is silent" in page
    assert "/orders/" not in page


def test_pages_hear_of_silence_once() -> None:
    lookout = stuck.Lookout()
    event(busy(), 1, minutes=12)
    assert lookout.round()
    assert Change.objects.filter(topic="operator").count() == 1
    assert not lookout.round()
    Agent.objects.update(busy_since=None)
    assert lookout.round()


def test_the_number_of_agents_costs_no_query(django_assert_num_queries: Any) -> None:
    for name in ("alice", "bob", "carol"):
        event(busy(name), 1, minutes=12)
    agents = list(Agent.objects.all())
    with django_assert_num_queries(3):
        assert len(stuck.look(agents)) == 3
    assert [item.title for item in overview.attention() if "silent" in item.title] == [
        "alice is silent", "bob is silent", "carol is silent",
    ]  # fmt: skip
