"""Who answers, and what it is told."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.change import Change
from approvals.risks.flags import Flag
from approvals.risks.wording import cited


def driver(change: Change) -> Iterator[Flag]:
    before, after = change.option("driver")
    if before != after:
        why = "Another program answers the agent's messages."
        yield Flag("driver", "notice", "hyperhive.driver", f"From {cited(before)} to {cited(after)}. {why}")


def instructions(change: Change) -> Iterator[Flag]:
    before, after = change.option("instructions")
    if (before or "") != (after or ""):
        why = "They are part of every turn; read them as you would read a program."
        yield Flag("instructions", "notice", "hyperhive.instructions", f"The instructions are other ones. {why}")
