"""When a turn may be tried again, and what the operator reads until then."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from agents.harness.standing import Standing

SHORT_PAUSE, LIMIT_PAUSE, LONGEST_PAUSE = 5.0, 60.0, 1800.0


class Patience:
    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._until = 0.0
        self._pauses = 0

    async def rested(self) -> None:
        """Return when a pause is over."""
        await asyncio.sleep(max(0.0, self._until - time.time()))
        self._standing.update(limited_until=None)

    def worked(self) -> None:
        """A turn went through: nothing is wrong any more."""
        self._pauses, self._until = 0, 0.0
        self._standing.update(problem=None, needs_login=False, limited_until=None)

    def pause(self, why: str, until: float | None = None, shortest: float = SHORT_PAUSE) -> None:
        """Try again at `until` (Unix time), else after pauses that grow."""
        self._pauses += 1
        seconds = min(shortest * 2 ** (self._pauses - 1), LONGEST_PAUSE)
        self._until = max(until or 0.0, time.time() + (1.0 if until else seconds))
        again = datetime.fromtimestamp(self._until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self._standing.update(problem=f"{why}. Messages wait; the next try is at {again}.")

    def limited(self, why: str, until: float | None = None) -> None:
        """Parked by a rate limit, until the time that the service named, else for growing pauses."""
        self.pause(why, until, LIMIT_PAUSE)
        self._standing.update(limited_until=self._until)
