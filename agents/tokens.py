"""Bearer tokens of agents: made at container start, kept hashed, compared in constant time."""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction

from agents import actors, deeds
from agents.models import Agent


def digest(token: str) -> str:
    """SHA-256 of a token; tokens carry 256 bits of randomness, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def rotate(agent: Agent) -> str:
    """Give the agent a new token and return it; the old one is worth nothing from now on."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(token_hash=digest(token))
        deeds.tell("token changed", actor=actors.SYSTEM, agent=agent.name)
    return token


def holder(name: str, token: str) -> Agent | None:
    """The agent `name` if `token` is its own, else None."""
    agent = Agent.objects.filter(name=name).exclude(token_hash="").first()
    if agent is None or not secrets.compare_digest(agent.token_hash, digest(token)):
        return None
    return agent
