"""What an agent has begun and not finished: questions, reminders, and what other parts of the hive add."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from broker import questions, reminders
from broker.refusals import ToolError

_SHOWN = 300


@dataclass(frozen=True)
class LooseEnd:
    """`kind` and `id` name it; `until` is when it ends or happens by itself."""

    kind: str
    id: int
    text: str
    since: datetime
    until: datetime | None = None
    with_whom: str = ""

    def as_json(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "id": self.id,
            "text": self.text[:_SHOWN],
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "with": self.with_whom or None,
        }


@dataclass(frozen=True)
class Source:
    """`of(agent)` lists them; `cancel(agent, id)` is false where there is none, None where they cannot be cancelled."""

    of: Callable[[str], Iterable[LooseEnd]]
    cancel: Callable[[str, int], bool] | None
    why_not: str = ""


_sources: dict[str, Source] = {}


def register(kind: str, source: Source) -> None:
    _sources[kind] = source


def kinds() -> list[str]:
    return list(_sources)


def of(agent: str) -> list[LooseEnd]:
    """Everything that is open with this agent."""
    return [end for source in _sources.values() for end in source.of(agent)]


def cancel(agent: str, kind: str, ident: int) -> None:
    """Raises `ToolError` when there is none, or it is not for the agent to cancel."""
    source = _sources.get(kind)
    if source is None:
        raise ToolError(f"there is no kind {kind[:40]!r}; there are: {', '.join(_sources)}")
    if source.cancel is None:
        raise ToolError(f"{kind} {ident} cannot be cancelled by you: {source.why_not}")
    if not source.cancel(agent, ident):
        raise ToolError(f"you have no open {kind} {ident}; get_loose_ends lists what there is")


def _asked(agent: str) -> Iterable[LooseEnd]:
    for each in questions.asked_by(agent):
        yield LooseEnd("question", each.pk, each.text, each.asked_at, each.expires_at, each.target)


def _to_answer(agent: str) -> Iterable[LooseEnd]:
    for each in questions.open_for(agent):
        yield LooseEnd("to_answer", each.pk, each.text, each.asked_at, each.expires_at, each.asker)


def _reminders(agent: str) -> Iterable[LooseEnd]:
    for each in reminders.pending(agent):
        yield LooseEnd("reminder", each.pk, each.text, each.created_at, each.due_at)


register("question", Source(_asked, questions.withdraw))
register("to_answer", Source(_to_answer, None, "somebody waits for it; use the tool answer"))
register("reminder", Source(_reminders, reminders.cancel))
