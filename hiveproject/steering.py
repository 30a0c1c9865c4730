"""What an operator orders of a running agent: the order, its audit row and its event in one step.

Orders reach the harness over the agent's connection (`broker.control`); freezing goes past it, through the kernel
(`agents.freezing`).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from agents import freezing
from agents.actors import Actor
from agents.models import Agent
from approvals import audit
from broker import control
from broker.control import OrderRefused
from broker.models import Order

VERBS = (
    "interrupt",
    "compact",
    "new_session",
    "set_model",
    "pause",
    "resume",
    "login_start",
    "login_code",
    "login_cancel",
)
_SECRET = ("login_code",)


class NotAllowed(OrderRefused):
    """Agents give no orders, by any way."""


def order(agent: Agent, verb: str, *, actor: Actor, **args: str | None) -> Order:
    """Give an order. Raises `OrderRefused`."""
    _only_people(actor)
    note = "" if verb in _SECRET else ", ".join(f"{key}: {value}" for key, value in args.items())
    with transaction.atomic():
        given = control.give(agent, verb, actor=actor, **args)
        audit.record(verb, actor=actor, agent=agent.name, note=note)
    return given


def freeze(agents: Iterable[Agent], *, actor: Actor) -> list[str]:
    """Hold every process of these agents; the names of those that run. The worker does it at once."""
    return _set_frozen(agents, actor, frozen=True)


def thaw(agents: Iterable[Agent], *, actor: Actor) -> list[str]:
    return _set_frozen(agents, actor, frozen=False)


def _set_frozen(agents: Iterable[Agent], actor: Actor, *, frozen: bool) -> list[str]:
    _only_people(actor)
    with transaction.atomic():
        names = freezing.want(agents, frozen=frozen)
        if names:
            alone = names[0] if len(names) == 1 else ""
            audit.record("freeze" if frozen else "thaw", actor=actor, agent=alone, note=", ".join(names))
    return names


def _only_people(actor: Actor) -> None:
    if actor.kind == "agent":
        raise NotAllowed("only an operator gives orders")
