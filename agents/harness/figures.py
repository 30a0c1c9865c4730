"""What is counted in a turn: the keys of the hive's statistics, each a number."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from agents.harness.drivers.base import Outcome
from agents.harness.frames import Turn
from agents.harness.journal import Emit

TOKENS = {
    "input_tokens": "tokens.input",
    "output_tokens": "tokens.output",
    "cache_read_tokens": "tokens.cache_read",
    "cache_write_tokens": "tokens.cache_write",
}
MOST_TOOLS = 40
_STRANGE = re.compile(r"[^A-Za-z0-9_:.-]")
Figures = dict[str, float]


class Tally:
    """Emits on behalf of one turn, and counts on the way."""

    def __init__(self, turn: Turn, emit: Emit) -> None:
        self.turn, self._emit = turn, emit
        self.seconds = 0.0
        self.tools: Counter[str] = Counter()
        self.told: Counter[str] = Counter()

    def __call__(self, kind: str, **data: Any) -> None:
        if kind == "tool_call":
            self.tools[str(data.get("tool"))] += 1
        elif kind == "message_sent":
            self.told[str(data.get("to"))] += 1
        self._emit(kind, turn=self.turn.id, **data)


def figures(tally: Tally, outcome: Outcome) -> Figures:
    """One turn's numbers; what is not known is left out."""
    found: Figures = {"turns": 1, "turn_seconds": round(tally.seconds, 3), "tool_calls": tally.tools.total()}
    found[f"exit.{_exit(outcome)}"] = 1
    found[_key("messages_in", tally.turn.message.sender)] = 1
    for name, count in tally.tools.most_common(MOST_TOOLS):
        found[_key("tool", name)] = count
    for name, count in tally.told.most_common(MOST_TOOLS):
        found[_key("messages_out", name)] = count
    for name, key in TOKENS.items():
        if isinstance(value := outcome.usage.get(name), (int, float)):
            found[key] = value
    if isinstance(cost := outcome.usage.get("cost_usd"), (int, float)):
        found["cost_usd"] = cost
    return found


def _exit(outcome: Outcome) -> str:
    if outcome.kind == "requeue":
        return "requeue"
    if outcome.kind == "failed":
        return "failure"
    return "compact_retry" if outcome.compacted else "ok"


def _key(family: str, name: str) -> str:
    return f"{family}.{_STRANGE.sub('_', name)[:60]}"
