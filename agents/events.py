"""Domain events: what happened to an agent, told once, heard by whoever subscribed at start.

Subscribers run inside the transaction of the change, so what they write is there exactly when the change is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """`kind` is one of the system events of the broker (`spawned`, `rebuilt`, `container_crash`, …)."""

    kind: str
    agent: str
    text: str
    to: tuple[str, ...] = field(default=())


Subscriber = Callable[[Event], None]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Add a subscriber; adding it again changes nothing."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def emit(event: Event) -> None:
    """Tell every subscriber."""
    for subscriber in _subscribers:
        subscriber(event)
