"""What is measured of one relay."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.relay.client import Client, busy_round_trips, download, round_trips
from tests.bench.relay.relays import Relay

MEBIBYTES, TRIPS, BUSY, BUSY_SECONDS, MANY, SLOW_SECONDS = 512, 1500, 50, 4.0, 64, 4.0
_TICK = os.sysconf("SC_CLK_TCK")


def throughput(relay: Relay) -> dict[str, float]:
    with opened(relay, 1) as (client,):
        before = cpu_seconds(relay.pid)
        seconds = download(client, MEBIBYTES)
        spent = cpu_seconds(relay.pid) - before
    gigabytes = MEBIBYTES * 1024 * 1024 / 1e9
    return {"mb_per_s": gigabytes * 1000 / seconds, "cpu_s_per_gb": spent / gigabytes}


def one_session(relay: Relay) -> dict[str, float]:
    with opened(relay, 1) as (client,):
        round_trips(client, 100)
        return {"rtt1_p50_us": statistics.median(round_trips(client, TRIPS)) * 1e6}


def busy_sessions(relay: Relay) -> dict[str, float]:
    with opened(relay, BUSY) as clients:
        busy_round_trips(clients, 0.5)
    with opened(relay, BUSY) as clients:
        trips = sorted(busy_round_trips(clients, BUSY_SECONDS))
    return {"rtt50_p50_us": statistics.median(trips) * 1e6, "rtt50_p99_us": trips[int(len(trips) * 0.99)] * 1e6}


def slow_reader(relay: Relay) -> dict[str, float]:
    """A client that asks for a lot and reads nothing."""
    with opened(relay, 1) as (client,):
        download(client, 8)
        before = peak = memory(relay.pid)
        client.ask(2048)
        end = time.monotonic() + SLOW_SECONDS
        while time.monotonic() < end:
            peak = max(peak, memory(relay.pid))
            time.sleep(0.1)
    return {"slow_reader_growth_mb": (peak - before) / 1e6}


def memory_of_many(relay: Relay) -> dict[str, float]:
    with opened(relay, 1) as (client,):
        download(client, 2)
    before = memory(relay.pid)
    with opened(relay, MANY) as clients:
        for client in clients:
            download(client, 2)
        return {"mb_per_session": max(0.0, memory(relay.pid) - before) / MANY / 1e6}


MEASURES = (throughput, one_session, busy_sessions, slow_reader, memory_of_many)


@contextmanager
def opened(relay: Relay, count: int) -> Iterator[list[Client]]:
    clients: list[Client] = []
    try:
        clients += (relay.open() for _ in range(count))
        yield clients
    finally:
        for client in clients:
            client.close()


def family(pid: int) -> list[int]:
    """The process and all that descends from it."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """Of the family, those included that have ended."""
    ticks = 0
    for each in family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICK


def memory(pid: int) -> float:
    """Bytes of the family; what several share is counted once."""
    total = 0
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024.0
