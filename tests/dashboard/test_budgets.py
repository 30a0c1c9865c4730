from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents.actors import agent as an_agent
from agents.actors import operator
from agents.models import Agent, Stat
from approvals.models import AuditEvent
from broker.models import Order
from hiveproject import budgets, overview
from hiveproject.budgets import BudgetRefused
from tests import builders

pytestmark = pytest.mark.django_db
ADA = operator("ada")


def agent(name: str = "alice", **limits: Any) -> Agent:
    made = builders.agent(name, running=True, connected=True)
    made.deployment = builders.deployment(made, options=builders.agent_options(budget=limits))
    made.save()
    return made


def spend(of: Agent, key: str, value: float, days: int = 0) -> None:
    Stat.objects.create(agent=of, ts=timezone.now() - timedelta(days=days), key=key, value=value)


def state(name: str = "alice") -> tuple[bool, bool]:
    """Paused, and by its budget."""
    row = Agent.objects.get(name=name)
    return row.paused, bool(row.over_budget)


@pytest.mark.parametrize(
    ("limit", "key", "value"),
    [("tokensPerDay", "tokens.input", 1000), ("costPerDay", "cost_usd", 5.0), ("turnsPerDay", "turns", 3)],
)
def test_a_budget_that_is_used_up_pauses_the_agent(limit: str, key: str, value: float) -> None:
    limits: dict[str, Any] = {limit: value}
    alice = agent(**limits)
    spend(alice, key, value)
    budgets.settle()
    assert state() == (True, True)
    assert [order.verb for order in Order.objects.all()] == ["pause"]
    assert AuditEvent.objects.get().action == "budget_spent"
    budgets.settle()
    assert Order.objects.count() == 1


def test_a_turn_that_runs_is_interrupted() -> None:
    alice = agent(turnsPerDay=1)
    Agent.objects.filter(pk=alice.pk).update(busy_since=timezone.now())
    spend(alice, "turns", 1)
    budgets.settle()
    assert {order.verb for order in Order.objects.all()} == {"pause", "interrupt"}


def test_what_is_not_used_up_stops_nothing_but_is_said_from_80_percent_on() -> None:
    alice = agent(tokensPerDay=1000)
    spend(alice, "tokens.input", 500)
    budgets.settle()
    assert state() == (False, False)
    assert not [item for item in overview.attention() if "limit of tokens" in item.title]
    spend(alice, "tokens.output", 300)
    budgets.settle()
    assert state() == (False, False)
    [item] = [item for item in overview.attention() if "limit of tokens" in item.title]
    assert "800 of its 1000 tokens of today are used (80%)" in item.detail


def test_yesterday_does_not_count_and_a_lie_below_zero_gives_nothing_back() -> None:
    alice = agent(tokensPerDay=1000)
    spend(alice, "tokens.input", 5000, days=1)
    budgets.settle()
    assert state() == (False, False)
    spend(alice, "tokens.input", 1000)
    spend(alice, "tokens.input", -900)
    budgets.settle()
    assert state() == (True, True)


def test_the_operator_grants_more_for_today_and_it_goes_on() -> None:
    alice = agent(tokensPerDay=1000)
    spend(alice, "tokens.input", 1500)
    budgets.settle()
    budgets.grant(alice, "tokens", 400, actor=ADA)
    budgets.settle()
    assert state() == (True, True)
    budgets.grant(alice, "tokens", 200, actor=ADA)
    budgets.settle()
    assert state() == (False, False)
    assert [event.actor for event in AuditEvent.objects.filter(action="budget_raised")] == ["operator:ada"] * 2


def test_only_the_operator_raises_one() -> None:
    alice = agent(tokensPerDay=1000)
    with pytest.raises(BudgetRefused):
        budgets.grant(alice, "tokens", 5, actor=an_agent("alice"))
    for what, amount in (("tokens", -5.0), ("tokens", float("nan")), ("hours", 5.0)):
        with pytest.raises(BudgetRefused):
            budgets.grant(alice, what, amount, actor=ADA)


def test_the_swarms_budget_stops_everybody(settings: Any) -> None:
    settings.HIVE_SWARM_BUDGET = {"tokens": 1000, "cost": 0, "turns": 0}
    for name in ("alice", "bob"):
        spend(agent(name), "tokens.input", 500)
    budgets.settle()
    assert (state("alice"), state("bob")) == ((True, True), (True, True))
    budgets.grant(None, "tokens", 500, actor=ADA)
    budgets.settle()
    assert (state("alice"), state("bob")) == ((False, False), (False, False))


def test_the_page_says_why_nothing_goes_on(client: Client) -> None:
    alice = agent(turnsPerDay=1)
    spend(alice, "turns", 1)
    budgets.settle()
    assert "1 of its 1 turns of today are used" in client.get("/agents/alice/").content.decode()
    assert "alice has used up its turns" in client.get("/").content.decode()


def test_the_number_of_agents_costs_no_query(django_assert_num_queries: Any) -> None:
    for name in ("alice", "bob", "carol"):
        spend(agent(name, turnsPerDay=5), "turns", 1)
    agents = list(Agent.objects.select_related("deployment"))
    with django_assert_num_queries(2):
        assert len(budgets.uses(agents)) == 3
