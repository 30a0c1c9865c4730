"""What is done after each turn: its statistics, and what keeps session and notes from growing without end."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from agents.harness.config import Config
from agents.harness.drivers.base import CannotDo, Driver, Outcome
from agents.harness.figures import Tally, figures
from agents.harness.journal import Journal
from agents.harness.notes import Notes
from agents.harness.standing import Standing

AUTO_COMPACT = 75
GROWN = 5.0
"""Percent of the context by which a session that could not be compacted grows until that is tried again."""


class Upkeep:
    def __init__(self, config: Config, driver: Driver, standing: Standing, journal: Journal, notes: Notes) -> None:
        self._driver, self._standing, self._journal, self._notes = driver, standing, journal, notes
        at = config.options.get("autoCompact")
        self._compact_at = at if isinstance(at, (int, float)) and 0 < at <= 100 else AUTO_COMPACT
        self._failed_at: float | None = None
        self._last: float | None = None
        self.last_turn: datetime | None = None

    async def after(self, tally: Tally, outcome: Outcome) -> None:
        self._journal.record(self._figures(tally, outcome))
        self.show()
        await self._compact()
        await self._notes.look()

    def show(self) -> None:
        """What the dashboard shows of the session."""
        usage = self._driver.usage()
        self._standing.update(session=usage.session, context=usage.context, context_limit=usage.limit)

    def _figures(self, tally: Tally, outcome: Outcome) -> dict[str, float]:
        found, now = figures(tally, outcome), time.monotonic()
        found["notes_bytes"] = self._notes.size()
        if (context := self._driver.usage().context) is not None:
            found["context_tokens"] = context
        if self._last is not None:
            found["seconds_since_turn"] = round(max(0.0, now - tally.seconds - self._last), 3)
        self._last, self.last_turn = now, datetime.now(UTC)
        return found

    async def _compact(self) -> None:
        percent = self._driver.usage().percent
        if percent is None or percent < max(self._compact_at, (self._failed_at or 0.0)):
            return
        self._journal("compacting", percent=round(percent), limit=self._compact_at)
        try:
            await self._driver.compact(self._journal)
            self._failed_at = None
        except (CannotDo, OSError, ValueError) as error:
            self._failed_at = percent + GROWN
            self._journal("error", because="compaction", text=str(error))
        self.show()
