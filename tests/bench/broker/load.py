"""The same load for every system: producers that each wait for their message to be stored, one consumer.

A message carries the moment it was sent, so producers and consumer are of one process, and its clock is the only one.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

Send = Callable[[str], Awaitable[None]]
WARM_UP, DRAIN_SECONDS = 0.25, 5.0
_STAMP = 20


class System(Protocol):
    """Something that stores messages and hands them on."""

    name: str

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def connected(self, producers: int, arrived: Callable[[str], None]) -> AbstractAsyncContextManager[list[Send]]:
        """Connect producers and a consumer that acknowledges; `arrived` is called with every body."""


@dataclass
class Sample:
    """What one stretch of load has shown; latencies in nanoseconds."""

    seconds: float = 0.0
    acknowledged: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)

    def add(self, other: Sample) -> None:
        self.seconds += other.seconds
        self.acknowledged += other.acknowledged
        self.delivered += other.delivered

    def figures(self) -> dict[str, float]:
        return {
            "msgs_per_s": round(len(self.delivered) / self.seconds, 1),
            "ack_p50_ms": _percentile(self.acknowledged, 50),
            "ack_p99_ms": _percentile(self.acknowledged, 99),
            "e2e_p50_ms": _percentile(self.delivered, 50),
            "e2e_p99_ms": _percentile(self.delivered, 99),
        }


async def measure(system: System, producers: int, size: int, seconds: float) -> Sample:
    """Send as fast as acknowledgements come, for so long; what was sent while warming up does not count.

    What was sent and has not arrived by then is waited for, and counts with the time until then: a system whose
    consumer falls behind its producers is no faster than its consumer.
    """
    run = _Run(size)
    async with system.connected(producers, run.arrived) as sends:
        run.start(seconds)
        await asyncio.gather(*map(run.produce, sends))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run.all_arrived(), DRAIN_SECONDS)
    return run.sample


class _Run:
    def __init__(self, size: int) -> None:
        self.sample = Sample()
        self._padding = "x" * (size - _STAMP)
        self._sent = self._arrived = 0
        self._news = asyncio.Event()
        self._begin = self._end = 0

    def start(self, seconds: float) -> None:
        self._begin = time.perf_counter_ns() + int(WARM_UP * 1e9)
        self._end = self._begin + int(seconds * 1e9)
        self.sample.seconds = seconds

    def arrived(self, body: str) -> None:
        sent, at = int(body[:_STAMP]), time.perf_counter_ns()
        self._arrived += 1
        if self._begin <= sent:
            self.sample.delivered.append(at - sent)
            self.sample.seconds = max(self.sample.seconds, (at - self._begin) / 1e9)
        if at > self._end:
            self._news.set()

    async def produce(self, send: Send) -> None:
        while (sent := time.perf_counter_ns()) < self._end:
            await send(f"{sent:020d}{self._padding}")
            self._sent += 1
            if sent >= self._begin:
                self.sample.acknowledged.append(time.perf_counter_ns() - sent)

    async def all_arrived(self) -> None:
        while self._arrived < self._sent:
            self._news.clear()
            await self._news.wait()


def _percentile(values: list[int], percent: int) -> float:
    """In milliseconds; 0 where there is nothing."""
    if len(values) < 2:
        return round(values[0] / 1e6, 3) if values else 0.0
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1] / 1e6, 3)
