"""Budgets: what an agent, and the swarm, may use in a day (UTC), and what happens when it is used up.

Limits come from the deployed `agent.nix` (`hyperhive.budget.*`) and, for the swarm, from the settings; only the
operator grants more, for the day. From 80 % on it is said; at 100 % the agent is paused, its running turn interrupted,
and it goes on by itself when there is room again. Usage is what harnesses report at the end of each turn.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from agents import actors, commits, feed
from agents.actors import Actor
from agents.models import Agent, Allowance, Stat
from approvals import audit
from broker import control
from broker.control import OrderRefused

KEYS: Mapping[str, tuple[str, ...]] = {
    "tokens": ("tokens.input", "tokens.output", "tokens.cache_write"),
    "cost": ("cost_usd",),
    "turns": ("turns",),
}
WORDS = {"tokens": "tokens", "cost": "US dollars", "turns": "turns"}
WARN = 0.8
MOST = 1e12
LOOK_SECONDS, ROLL_SECONDS = 0.25, 20.0
logger = logging.getLogger(__name__)


class BudgetRefused(Exception):
    """No more was granted; the text says why."""


@dataclass(frozen=True)
class Use:
    """One budget of one agent, or of the swarm where `agent` is None."""

    agent: Agent | None
    what: str
    used: float
    limit: float

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else (1.0 if self.used >= self.limit else 0.0)

    @property
    def is_spent(self) -> bool:
        return self.used >= self.limit

    def told(self) -> str:
        whose = "the swarm's" if self.agent is None else "its"
        return f"{self.used:g} of {whose} {self.limit:g} {WORDS[self.what]} of today are used ({self.share:.0%})"


def uses(agents: Iterable[Agent]) -> list[Use]:
    """Every budget that has a limit: the swarm's, then those of these agents. Two queries, none without a limit."""
    limited: list[tuple[Agent | None, str, float]] = [
        (None, what, float(limit)) for what, limit in settings.HIVE_SWARM_BUDGET.items() if limit
    ]
    limited += [(agent, what, limit) for agent in agents for what, limit in _limits(agent).items()]
    if not limited:
        return []
    used, more = _used(), _granted()
    found = []
    for agent, what, limit in limited:
        spent = used[what].get(agent.pk, 0.0) if agent is not None else sum(used[what].values())
        found.append(Use(agent, what, spent, limit + more[agent.pk if agent is not None else None, what]))
    return found


def grant(agent: Agent | None, what: str, amount: float, *, actor: Actor) -> Allowance:
    """Allow so much more today. Raises `BudgetRefused`."""
    if actor.kind == "agent":
        raise BudgetRefused("only an operator raises a budget")
    if what not in KEYS or not 0 < amount <= MOST:
        raise BudgetRefused(f"say how much more of {', '.join(KEYS)}: a number above 0")
    with transaction.atomic():
        note = f"{amount:g} {WORDS[what]} more today"
        audit.record("budget_raised", actor=actor, agent=agent.name if agent else "", note=note)
        made = Allowance.objects.create(agent=agent, day=_today(), what=what, amount=amount, granted_by=str(actor))
        feed.publish("operator")
    return made


def settle() -> None:
    """Pause who has used up a budget, and let go on who has room again."""
    agents = list(Agent.objects.live().select_related("deployment"))
    spent = [use for use in uses(agents) if use.is_spent]
    everyone = next((use.told() for use in spent if use.agent is None), "")
    own = {use.agent.pk: use.told() for use in reversed(spent) if use.agent is not None}
    for agent in agents:
        why = own.get(agent.pk, everyone)
        if why and not agent.over_budget:
            _stop(agent, why)
        elif agent.over_budget and not why:
            _go_on(agent)


def _stop(agent: Agent, why: str) -> None:
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(over_budget=why[:300])
        audit.record("budget_spent", actor=actors.SYSTEM, agent=agent.name, note=why)
        _order(agent, "pause")
        if agent.busy_since is not None:
            _order(agent, "interrupt")
        feed.publish("operator")


def _go_on(agent: Agent) -> None:
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(over_budget="")
        audit.record("budget_free", actor=actors.SYSTEM, agent=agent.name, note="there is room again")
        _order(agent, "resume")
        feed.publish("operator")


def _order(agent: Agent, verb: str) -> None:
    try:
        control.give(agent, verb, actor=actors.SYSTEM)
    except OrderRefused as refusal:
        logger.info("%s of %s was not given: %s", verb, agent.name, refusal)


def _limits(agent: Agent) -> dict[str, float]:
    options = agent.deployment.options if agent.deployment is not None else {}
    limits = {what: options.get(f"budget.{what}PerDay") for what in KEYS}
    return {what: float(limit) for what, limit in limits.items() if limit is not None}


def _used() -> dict[str, dict[int, float]]:
    begun = datetime.combine(_today(), time(), UTC)
    names = {key: what for what, keys in KEYS.items() for key in keys}
    # A harness reports its own figures: less than nothing counts as nothing.
    rows = Stat.objects.filter(ts__gte=begun, key__in=names, value__gt=0).values("agent", "key")
    found: dict[str, dict[int, float]] = {what: defaultdict(float) for what in KEYS}
    for row in rows.annotate(total=Sum("value")).order_by():
        found[names[row["key"]]][row["agent"]] += row["total"]
    return found


def _granted() -> dict[tuple[int | None, str], float]:
    rows = Allowance.objects.filter(day=_today()).values("agent", "what").annotate(total=Sum("amount")).order_by()
    found: dict[tuple[int | None, str], float] = defaultdict(float)
    found.update({(row["agent"], row["what"]): row["total"] for row in rows})
    return found


def _today() -> date:
    return timezone.now().astimezone(UTC).date()


class Purser:
    """Settles whenever something has changed, and as the day does."""

    def __init__(self) -> None:
        self._commits = commits.watch()
        self._newest = (-1, -1)
        self._next = timezone.now()

    def follow(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                if self._commits.changed() or timezone.now() >= self._next:
                    self.look()
            except DatabaseError as error:
                logger.warning("the budgets could not use the database, trying again: %s", error)
        self._commits.close()
        connection.close()

    def look(self) -> None:
        """Settle if a statistic or an allowance is new, or some time has passed."""
        newest = (_newest(Stat.objects.all()), _newest(Allowance.objects.all()))
        if newest != self._newest or timezone.now() >= self._next:
            self._newest, self._next = newest, timezone.now() + timedelta(seconds=ROLL_SECONDS)
            settle()


def _newest(rows: QuerySet[Any]) -> int:
    return int(rows.order_by("-id").values_list("id", flat=True).first() or 0)
