"""What a client writes down for itself: the only thing that the checker believes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

What = Literal["send", "stored", "got", "acknowledged"]


@dataclass(frozen=True)
class Event:
    """`number` counts what one sender says to one recipient; `ident` is the hive's id where it is known.

    `send`: it was given to the hive. `stored`: the hive has acknowledged it. `got`: it was delivered here.
    `acknowledged`: the hive has confirmed that it knows of the end of the turn that took it.
    """

    what: What
    peer: str
    number: int
    ident: int = 0
    redelivered: bool = False


@dataclass
class Log:
    """What one client has seen, in its order."""

    name: str
    events: list[Event] = field(default_factory=list)

    def add(self, what: What, peer: str, number: int, ident: int = 0, *, redelivered: bool = False) -> None:
        self.events.append(Event(what, peer, number, ident, redelivered))

    def of(self, what: What) -> list[Event]:
        return [event for event in self.events if event.what == what]
