"""Who does something: an operator, an agent, the hive itself, or somebody who has not signed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """`kind` is `operator`, `agent`, `system` or `stranger`; `name` the user's or the agent's."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.kind if self.kind == "system" else f"{self.kind}:{self.name}"


def operator(username: str) -> Actor:
    return Actor("operator", username)


def stranger(name: str) -> Actor:
    """Somebody who said to be `name` and has not shown it."""
    return Actor("stranger", "".join(filter(str.isprintable, name))[:100] or "?")


def agent(name: str) -> Actor:
    return Actor("agent", name)


SYSTEM = Actor("system", "system")


def parsed(text: str) -> Actor:
    """The actor that `str` made this text of; the hive itself where it names nobody."""
    kind, _, name = text.partition(":")
    return Actor(kind, name) if name else SYSTEM
