"""What the beginning and the end of turns do, written in bulk: a busy agent has thousands of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker import delivery, standing


@dataclass(frozen=True)
class Begun:
    """A turn has taken these messages, or fails with `NotLeased`."""

    agent: str
    session: str
    turn: str
    messages: tuple[int, ...]

    def apply(self) -> standing.Fields:
        """Runs in the caller's transaction; returns what is to be shown of the agent then."""
        delivery.begin_turn(self.agent, self.session, self.turn, self.messages)
        return standing.turn_started()


@dataclass(frozen=True)
class Ended:
    """A turn is over; `idle`: no other runs."""

    agent: str
    session: str
    turn: str
    outcome: str
    error: str
    idle: bool

    def apply(self) -> standing.Fields:
        if self.outcome == "requeue":
            delivery.requeue_turn(self.agent, self.session, self.turn)
        else:
            failure = self.error if self.outcome == "failed" else ""
            delivery.acknowledge_turn(self.agent, self.session, self.turn, failure)
        return standing.turn_ended(idle=self.idle)


Turn = Begun | Ended


def write(turns: Iterable[Turn]) -> None:
    """Apply them in order, and show of each agent only how it stands after the last one."""
    shown: dict[str, standing.Fields] = {}
    for turn in turns:
        shown.setdefault(turn.agent, {}).update(turn.apply())
    for agent, fields in shown.items():
        standing.show(agent, fields)
