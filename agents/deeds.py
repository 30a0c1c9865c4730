"""Deeds: what must stay in the audit log, told by parts of the hive that do not know that log.

Subscribers run inside the transaction of the deed, so that both are there or neither is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.actors import Actor


@dataclass(frozen=True)
class Deed:
    """`action` in the words of the log, such as `agent purged`."""

    action: str
    actor: Actor
    agent: str = ""
    note: str = ""


Subscriber = Callable[[Deed], object]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Add a subscriber; adding it again changes nothing."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def tell(action: str, *, actor: Actor, agent: str = "", note: str = "") -> None:
    """Have it kept. Call it inside the transaction of what it tells."""
    for subscriber in _subscribers:
        subscriber(Deed(action, actor, agent, note))
