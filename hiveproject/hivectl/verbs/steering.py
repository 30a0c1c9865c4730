"""Orders to running agents, and freezing them."""

from __future__ import annotations

import argparse
import sys
import time

from agents import freezing
from agents.models import Agent
from broker import control
from hiveproject import budgets, steering
from hiveproject.budgets import BudgetRefused
from hiveproject.hivectl import waiting
from hiveproject.hivectl.answers import FAILED, REFUSED, Answer, readable, table
from hiveproject.hivectl.verbs.agents import OPERATOR, existing

_HELD_SECONDS, _POLL_SECONDS = 10.0, 0.01


def order(options: argparse.Namespace) -> Answer:
    """interrupt, compact, new-session, model, pause, resume"""
    agent, verb = existing(options.name), options.verb.replace("-", "_")
    if verb == "model":
        return _answered(agent, "set_model", options.wait, model=options.model)
    return _answered(agent, verb, options.wait)


def login(options: argparse.Namespace) -> Answer:
    agent = existing(options.name)
    if options.what != "code":
        return _answered(agent, f"login_{options.what}", 90)
    return _answered(agent, "login_code", 120, code=sys.stdin.readline().strip())


def freeze(options: argparse.Namespace) -> Answer:
    """freeze, thaw: one agent, or every one that runs"""
    if options.all == bool(options.name):
        return Answer(None, "name one agent, or say --all", REFUSED)
    agents = list(Agent.objects.live()) if options.all else [existing(options.name)]
    begun = time.monotonic()
    names = (steering.freeze if options.verb == "freeze" else steering.thaw)(agents, actor=OPERATOR)
    if not names:
        return Answer(None, f"{options.name or 'no agent'} does not run" if options.name else "no agent runs", REFUSED)
    waiting.warn_without_worker(show=not options.json)
    while not freezing.settled(names):
        if time.monotonic() - begun > _HELD_SECONDS:
            return Answer({"agents": names}, code=FAILED, complaint="not done yet: see the worker's log")
        time.sleep(_POLL_SECONDS)
    seconds = round(time.monotonic() - begun, 3)
    what = "frozen" if options.verb == "freeze" else "thawed"
    return Answer({"agents": names, "seconds": seconds}, f"{', '.join(names)}: {what} in {seconds:.3f} s")


def budget(options: argparse.Namespace) -> Answer:
    agent = existing(options.name) if options.name else None
    if options.what == "raise":
        if options.swarm == bool(agent):
            raise BudgetRefused("name one agent, or say --swarm")
        for what in budgets.KEYS:
            if (amount := getattr(options, what)) is not None:
                budgets.grant(agent, what, amount, actor=OPERATOR)
    agents = [agent] if agent else list(Agent.objects.live().select_related("deployment"))
    found = [use for use in budgets.uses(agents) if agent is None or use.agent is not None]
    rows = [
        {"of": use.agent.name if use.agent else "swarm", "what": use.what, "used": use.used, "limit": use.limit}
        for use in found
    ]
    text = table(("OF", "WHAT", "USED", "LIMIT"), [tuple(row.values()) for row in rows], "No budget has a limit.")
    return Answer(rows, text)


def _answered(agent: Agent, verb: str, seconds: float, **args: str | None) -> Answer:
    given = steering.order(agent, verb, actor=OPERATOR, **args)
    answer = control.await_answer(given, seconds)
    row = {"agent": agent.name, "order": given.pk, "verb": verb, "state": answer.state, "text": answer.text}
    if answer.ok or answer.state in ("queued", "sent"):
        return Answer(row, f"{agent.name}: {readable(answer.text)}")
    return Answer(row, code=FAILED, complaint=f"{agent.name}: {readable(answer.text)}")
