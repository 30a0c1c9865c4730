"""Lists of what is allowed, where null allows everything and an empty list nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.naming import resolve_alias
from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.wording import cited, listed


def recipients(change: Change) -> Iterator[Flag]:
    why = "Messages wake other agents and carry what this one knows."
    yield from _widened(change, "allowedRecipients", "recipients", "the agent may now write to", why, resolve_alias)


def bash_patterns(change: Change) -> Iterator[Flag]:
    why = "Commands act with everything that the agent can reach."
    yield from _widened(change, "allowedBashPatterns", "bash-patterns", "the agent may now run", why)


def tools(change: Change) -> Iterator[Flag]:
    why = "A tool acts without asking you each time."
    yield from _widened(change, "allowedTools", "tools", "the model may now use", why)


def egress(change: Change) -> Iterator[Flag]:
    why = "What the agent can reach, it can send things to."
    yield from _widened(change, "egress", "egress", "the agent may now reach", why)


def added(before: Any, after: Any) -> list[str] | None:
    """What `after` allows and `before` did not; None for everything, [] for nothing more."""
    if before is None or (after is not None and not isinstance(after, list)):
        return []
    if after is None:
        return None
    known = {_key(item) for item in before} if isinstance(before, list) else set()
    return list(dict.fromkeys(_key(item) for item in after if _key(item) not in known))


def _key(item: Any) -> str:
    return item if isinstance(item, str) else cited(item)


def _widened(
    change: Change, option: str, rule: str, what: str, why: str, same: Callable[[str], str] = lambda item: item
) -> Iterator[Flag]:
    before, after = (_resolved(value, same) for value in change.option(option))
    more = added(before, after)
    if more is None:
        yield Flag(f"widened-{rule}", "high", f"hyperhive.{option}", f"No limit any more: {what} anything. {why}")
    elif more:
        items = listed(cited(item) for item in more)
        yield Flag(f"widened-{rule}", "high", f"hyperhive.{option}", f"Widened: {what} {items}. {why}")


def _resolved(value: Any, same: Callable[[str], str]) -> Any:
    return [same(item) if isinstance(item, str) else item for item in value] if isinstance(value, list) else value
