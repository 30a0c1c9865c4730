"""`make bench-broker`: this broker and its peers, interleaved, so that all see the same machine."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import uvloop

from agents.command import CommandFailed
from tests.bench.broker import postgres
from tests.bench.broker.hyperhive import Hyperhive
from tests.bench.broker.limit import Limit
from tests.bench.broker.load import Sample, System, measure
from tests.bench.broker.packages import ensure
from tests.bench.broker.peers import Nats, RabbitMQ, Redis
from tests.bench.broker.report import table
from tests.bench.machine import machine

OUT = Path(__file__).parents[1] / "out" / "broker.json"
CASES = ["1x200", "10x200", "100x200", "1x4096", "10x4096", "100x4096"]
SYSTEMS: dict[str, Callable[[], System]] = {
    "hyperhive-full": lambda: Hyperhive("hyperhive-full", "full"),
    "hyperhive-normal": lambda: Hyperhive("hyperhive-normal", "normal"),
    "hyperhive-postgres": postgres.Postgres,
    "redis-always": lambda: Redis("redis-always", "always"),
    "redis-everysec": lambda: Redis("redis-everysec", "everysec"),
    "nats-jetstream": Nats,
    "rabbitmq": RabbitMQ,
    "fdatasync-limit": Limit,
}


def main() -> None:
    wanted = _arguments()
    ensure(wanted.systems)
    systems: list[System] = []
    try:
        _start(wanted.systems, systems)
        samples = _measured(systems, wanted.cases, wanted.rounds, wanted.seconds)
    finally:
        for system in systems:
            system.stop()
    cases = {case: {name: sample.figures() for name, sample in of_case.items()} for case, of_case in samples.items()}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine(), "cases": cases}, indent=2))
    sys.stdout.write(f"{table(cases)}\n{machine()}\nwritten to {OUT}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-broker")
    parser.add_argument("--seconds", type=float, default=1.0, help="of load, for each system, case and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="PRODUCERSxBYTES")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    return parser.parse_args()


def _start(names: Iterable[str], systems: list[System]) -> None:
    """Into `systems`; what cannot be started here is named and left out."""
    for name in names:
        system = SYSTEMS[name]()
        try:
            system.start()
        except (RuntimeError, OSError, CommandFailed) as error:
            sys.stdout.write(f"{name} is left out: {error}\n")
            system.stop()
        else:
            systems.append(system)
    time.sleep(3)  # let them finish what they do after a start


def _measured(systems: list[System], cases: list[str], rounds: int, seconds: float) -> dict[str, dict[str, Sample]]:
    samples = {case: {system.name: Sample() for system in systems} for case in cases}
    for number in range(rounds):
        for case in cases:
            producers, size = map(int, case.split("x"))
            for system in systems:
                samples[case][system.name].add(uvloop.run(measure(system, producers, size, seconds)))
        sys.stdout.write(f"round {number + 1} of {rounds}\n")
        sys.stdout.flush()
    return samples


if __name__ == "__main__":
    main()
