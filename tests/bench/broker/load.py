"""The same load for every system: producers that each wait for their message to be stored, one consumer.

A message carries the moment it was sent, so producers and consumer are of one process, and its clock is the only one.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

Send = Callable[[str], Awaitable[None]]
WARM_UP = 0.25
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
    """What one stretch of load has shown; nanoseconds."""

    seconds: float = 0.0
    acknowledged: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        return {
            "msgs_per_s": round(len(self.delivered) / self.seconds, 1),
            "ack_p50_ms": _percentile(self.acknowledged, 50),
            "ack_p99_ms": _percentile(self.acknowledged, 99),
            "e2e_p50_ms": _percentile(self.delivered, 50),
            "e2e_p99_ms": _percentile(self.delivered, 99),
        }


async def measure(system: System, producers: int, size: int, seconds: float) -> Sample:
    """Send as fast as acknowledgements come, for so long; what was sent while warming up does not count."""
    sample, now = Sample(), time.perf_counter_ns
    begin = now() + int(WARM_UP * 1e9)
    end = begin + int(seconds * 1e9)
    padding = "x" * (size - _STAMP)

    def arrived(body: str) -> None:
        sent, at = int(body[:_STAMP]), now()
        if sent >= begin and at <= end:
            sample.delivered.append(at - sent)

    async def produce(send: Send) -> None:
        while (sent := now()) < end:
            await send(f"{sent:020d}{padding}")
            at = now()
            if sent >= begin and at <= end:
                sample.acknowledged.append(at - sent)

    async with system.connected(producers, arrived) as sends:
        begin = now() + int(WARM_UP * 1e9)
        end = begin + int(seconds * 1e9)
        await asyncio.gather(*map(produce, sends))
    sample.seconds = seconds
    return sample


def _percentile(values: list[int], percent: int) -> float:
    """In milliseconds; 0 where there is nothing."""
    if len(values) < 2:
        return round(values[0] / 1e6, 3) if values else 0.0
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1] / 1e6, 3)
