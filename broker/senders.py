"""Who a message comes from. Only the server makes a `Sender`; nothing that a client sends names one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from agents.models import Agent
from broker.models import MAX_ADDRESS, Message


@dataclass(frozen=True)
class Sender:
    """`address` is what an answer is sent to; `author` names the person behind `operator`."""

    provenance: str
    address: str
    author: str = ""

    @classmethod
    def operator(cls, username: str) -> Sender:
        return cls(Message.Provenance.OPERATOR, "operator", username)

    @classmethod
    def agent(cls, agent: Agent | str) -> Sender:
        return _agent(str(agent))

    @classmethod
    def system(cls) -> Sender:
        return cls(Message.Provenance.SYSTEM, "system")

    @classmethod
    def external(cls, label: str) -> Sender:
        """Something outside the hive, under the label of its token."""
        return cls(Message.Provenance.EXTERNAL, f"external:{label}"[:MAX_ADDRESS])

    @property
    def is_agent(self) -> bool:
        return self.provenance == Message.Provenance.AGENT


@lru_cache(maxsize=1024)
def _agent(name: str) -> Sender:
    """Made once for each name: every message of an agent has the same sender."""
    return Sender(Message.Provenance.AGENT, name)
