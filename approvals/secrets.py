"""Secrets of an agent: set and removed by the operator, never read back."""

from __future__ import annotations

from django.db import transaction

from agents import feed, secretstore
from agents.actors import Actor
from agents.models import Agent, Secret
from agents.secretstore import SecretRefused
from approvals import audit

__all__ = ["SecretRefused", "put", "remove"]


def put(agent: Agent, name: str, value: str, *, actor: Actor, in_environment: bool = False) -> Secret:
    """Set or replace a secret. Programs that start from now on get it. Raises `SecretRefused`."""
    _only_people(actor)
    secretstore.check(name, value)
    with transaction.atomic():
        secret, _ = Secret.objects.update_or_create(
            agent=agent, name=name, defaults={"in_environment": in_environment, "set_by": str(actor)}
        )
        note = f"{name}, also a variable" if in_environment else name
        audit.record("secret_set", actor=actor, agent=agent.name, note=note)
        feed.publish("agents", agent.pk)
        secretstore.write(agent.name, name, value, in_environment=in_environment)
    return secret


def remove(agent: Agent, name: str, *, actor: Actor) -> None:
    """Raises `SecretRefused` where there is none of that name."""
    _only_people(actor)
    with transaction.atomic():
        if not Secret.objects.filter(agent=agent, name=name).delete()[0]:
            raise SecretRefused(f"{agent.name} has no secret {name[:80]!r}")
        audit.record("secret_unset", actor=actor, agent=agent.name, note=name)
        feed.publish("agents", agent.pk)
        secretstore.remove(agent.name, name)


def _only_people(actor: Actor) -> None:
    if actor.kind == "agent":
        raise SecretRefused("only an operator sets secrets")
