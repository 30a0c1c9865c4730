"""Who may write to whom: `hyperhive.allowedRecipients` of the deployed configuration, and which names exist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from agents import naming
from agents.models import Agent, Deployment
from broker import sql
from broker.refusals import SendRefused
from broker.senders import Sender

OPERATOR, EVERYONE = "operator", "*"
_SHOWN = 8
_ENTRIES = (
    f"SELECT a.name, a.lifecycle, d.options FROM {Agent._meta.db_table} a"  # noqa: S608
    f" LEFT JOIN {Deployment._meta.db_table} d ON d.id = a.deployment_id ORDER BY a.name"
)


@dataclass(frozen=True)
class Entry:
    """An agent as policy sees it. `allowed` is None where it may write to everyone."""

    lifecycle: str
    deployed: bool
    allowed: frozenset[str] | None


@dataclass(frozen=True)
class Directory:
    """Every agent at one moment; load it in the transaction that stores the message."""

    agents: Mapping[str, Entry]

    @classmethod
    def load(cls) -> Directory:
        """Past the ORM, which refuses to work on the event loop, where small batches are written."""
        return cls({name: _entry(lifecycle, _decoded(options)) for name, lifecycle, options in sql.rows(_ENTRIES)})

    def recipients(self, sender: Sender, to: str) -> tuple[list[str], list[str]]:
        """(who gets it, who would but for the policy). Raises `SendRefused` when nobody does."""
        if sender.is_agent:
            self._refuse_undeployed(sender.address)
        if to == EVERYONE:
            return self._everyone(sender)
        name = naming.resolve_alias(to)
        self._refuse_unknown(name)
        if not self.allows(sender, name):
            raise SendRefused(self._rule(sender.address, name))
        return [name], []

    def allows(self, sender: Sender, recipient: str) -> bool:
        """Only agents are bound, and of them not the manager; what an agent tells itself goes to nobody else."""
        if not sender.is_agent or naming.is_manager(sender.address) or sender.address == recipient:
            return True
        allowed = self.agents[sender.address].allowed
        return allowed is None or recipient in allowed

    def _everyone(self, sender: Sender) -> tuple[list[str], list[str]]:
        others = [name for name, entry in self.agents.items() if _is_live(entry) and name != sender.address]
        allowed = [name for name in others if self.allows(sender, name)]
        if not allowed:
            raise SendRefused(self._rule(sender.address, EVERYONE) if others else "there is no other agent to send to")
        return allowed, [name for name in others if name not in allowed]

    def _refuse_undeployed(self, name: str) -> None:
        entry = self.agents.get(name)
        if entry is None or not entry.deployed or not _is_live(entry):
            raise SendRefused(f"{name} is not deployed: it cannot send")

    def _refuse_unknown(self, name: str) -> None:
        entry = self.agents.get(name)
        if name == OPERATOR or (entry is not None and _is_live(entry)):
            return
        if entry is not None and entry.lifecycle != Agent.Lifecycle.GONE:
            raise SendRefused(
                f"{name} has no container ({entry.lifecycle}): it cannot be written to until it is spawned"
            )
        known = [name for name, entry in self.agents.items() if _is_live(entry)]
        more = ", …" if len(known) > _SHOWN else ""
        raise SendRefused(
            f"there is no agent {name[:60]!r}; there are: {', '.join(known[:_SHOWN]) or 'none'}{more}; "
            "or 'operator', 'manager', '*'"
        )

    def _rule(self, sender: str, recipient: str) -> str:
        allowed = self.agents[sender].allowed or frozenset()
        return (
            f"{sender} may not write to {recipient!r}: hyperhive.allowedRecipients in its agent.nix allows "
            f"{', '.join(sorted(allowed)) or 'nobody'}"
        )


def _entry(lifecycle: str, options: Mapping[str, object] | None) -> Entry:
    named = (options or {}).get("allowedRecipients")
    allowed = frozenset(naming.resolve_alias(str(name)) for name in named) if isinstance(named, list) else None
    return Entry(lifecycle, options is not None, allowed)


def _decoded(options: object) -> Mapping[str, object] | None:
    """SQLite keeps JSON as text."""
    found = json.loads(options) if isinstance(options, str) else options
    return found if isinstance(found, Mapping) else None


def _is_live(entry: Entry) -> bool:
    return entry.lifecycle == Agent.Lifecycle.LIVE
