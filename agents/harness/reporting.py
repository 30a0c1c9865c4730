"""Brings the events to the hive: in order, each once, whatever happens to the connection in between.

The hive says in `welcome` how far it has got and acknowledges each batch; what is not acknowledged is read again from
the journal. So nothing is held here, however long the hive is away.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents.harness.frames import Frame
from agents.harness.journal import Journal, Row
from agents.harness.turns import Send

BATCH_ROWS, BATCH_BYTES = 64, 256 * 1024


class Reporter:
    def __init__(self, journal: Journal, send: Send) -> None:
        self._journal, self._send = journal, send
        self._got: int | None = None
        self._wanted = asyncio.Event()

    def welcomed(self, frame: Frame) -> None:
        """A hive that takes no events says nothing of them."""
        self._take(frame.get("events"))

    def taken(self, frame: Frame) -> None:
        self._take(frame)

    def _take(self, position: Any) -> None:
        if not isinstance(position, dict) or not isinstance(position.get("seq"), int):
            self._got = None
            return
        self._got = position["seq"] if position.get("epoch") == self._journal.epoch else 0
        self._wanted.set()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._wanted.wait()
            self._journal.wrote.clear()
            rows = self._journal.after(self._got, BATCH_ROWS, BATCH_BYTES) if self._got is not None else []
            if not rows:
                await self._journal.wrote.wait()
                continue
            self._wanted.clear()
            await self._send([self._frame(rows)])

    def _frame(self, rows: list[Row]) -> Frame:
        events = [{"seq": row.seq, "at": row.ts, "kind": row.kind, "data": _data(row)} for row in rows]
        return {"type": "events", "epoch": self._journal.epoch, "events": events}


def _data(row: Row) -> Any:
    try:
        data = json.loads(row.data)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
