"""Wake tokens with their audit rows: made and revoked by an operator, in the admin or with hivectl."""

from __future__ import annotations

from django.db import transaction

from agents import naming
from agents.actors import Actor
from agents.models import Agent
from approvals import audit
from broker import wake_tokens
from broker.models import WakeToken
from broker.wake_tokens import Made, TokenRefused


def make(name: str, label: str, *, actor: Actor) -> Made:
    """A new token for a live agent; its secret is told once. Raises `TokenRefused`."""
    agent = naming.resolve_alias(name)
    if not Agent.objects.live().filter(name=agent).exists():
        raise TokenRefused(f"{name[:60]!r} is no agent that has a container")
    with transaction.atomic():
        made = wake_tokens.make(agent, label, made_by=str(actor))
        _record("wake token made", made.row, actor)
    return made


def revoke(token: int, *, actor: Actor) -> WakeToken:
    """Raises `TokenRefused` when there is nothing to revoke."""
    with transaction.atomic():
        row = wake_tokens.revoke(token)
        if row is None:
            raise TokenRefused(f"there is no valid wake token {token}")
        _record("wake token revoked", row, actor)
    return row


def _record(action: str, row: WakeToken, actor: Actor) -> None:
    audit.record(action, actor=actor, agent=row.agent, note=f"wake token {row.pk}, {row.label}")
