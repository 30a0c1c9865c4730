"""How much of the machine and of the operator's money the agent may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.nixconfig.kinds import cpu_fraction, size_bytes
from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.wording import cited

_BUDGETS = ("budget.tokensPerDay", "budget.costPerDay", "budget.turnsPerDay")


def memory(change: Change) -> Iterator[Flag]:
    yield from _raised(change, "memoryMax", size_bytes, "Other agents and this machine share the memory.")


def processor(change: Change) -> Iterator[Flag]:
    yield from _raised(change, "cpuQuota", cpu_fraction, "Other agents and this machine share the processors.")


def budget(change: Change) -> Iterator[Flag]:
    for name in _BUDGETS:
        before, after = change.option(name)
        if before is None:
            continue
        where = f"hyperhive.{name}"
        if after is None:
            yield Flag(
                "budget", "high", where, f"The limit of {cited(before)} a day is removed. Nothing stops spending."
            )
        elif _is_number(before) and _is_number(after) and after > before:
            text = f"Raised from {cited(before)} to {cited(after)} a day. The agent may spend more."
            yield Flag("budget", "notice", where, text)


def _raised(change: Change, name: str, amount: Callable[[str], float], why: str) -> Iterator[Flag]:
    before, after = change.option(name)
    old, new = _amount(before, amount), _amount(after, amount)
    if old is not None and new is not None and new > old:
        yield Flag("limits", "notice", f"hyperhive.{name}", f"Raised from {cited(before)} to {cited(after)}. {why}")


def _amount(value: Any, amount: Callable[[str], float]) -> float | None:
    try:
        return amount(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
