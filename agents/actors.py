"""Who does something: an operator, an agent, or the hive itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """`kind` is `operator`, `agent` or `system`; `name` the user's or the agent's."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.kind if self.kind == "system" else f"{self.kind}:{self.name}"


def operator(username: str) -> Actor:
    return Actor("operator", username)


def agent(name: str) -> Actor:
    return Actor("agent", name)


SYSTEM = Actor("system", "system")
