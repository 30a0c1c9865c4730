"""The one refusal of the guard."""

from __future__ import annotations

SHOWN = 120


class Refused(Exception):
    """`part` is the piece of the script that may not run, `why` a sentence."""

    def __init__(self, part: str, why: str) -> None:
        shown = part if len(part) <= SHOWN else part[:SHOWN] + "…"
        super().__init__(f"refused: {shown!r}: {why}")
        self.part, self.why = part, why
