"""The figures as a person reads them: a table for each case, and ours against each peer of the same durability."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[str, float]
GOALS: dict[tuple[str, str], dict[str, float]] = {
    ("hyperhive-full", "redis-always"): {"1x200": 1.2, "10x200": 1.2, "100x200": 2.5},
    ("hyperhive-full", "rabbitmq"): {"1x200": 1.5, "10x200": 2.5, "100x200": 6.0},
    ("hyperhive-full", "fdatasync-limit"): {"1x200": 0.6, "10x200": 0.6, "100x200": 0.6},
    ("hyperhive-normal", "nats-jetstream"): {"1x200": 1.3, "10x200": 2.0, "100x200": 2.5},
    ("hyperhive-normal", "redis-everysec"): dict.fromkeys(
        ("1x200", "10x200", "100x200", "1x4096", "10x4096", "100x4096"), 1.1
    ),
    ("hyperhive-postgres", "redis-always"): {"1x200": 1.0},
}


def table(cases: Mapping[str, Mapping[str, Figures]]) -> str:
    lines: list[str] = []
    for case, systems in cases.items():
        lines += ["", f"{case:<22}{'msg/s':>10}{'ack p50':>10}{'ack p99':>10}{'e2e p50':>10}{'e2e p99':>10}  ms"]
        lines += [
            f"  {name:<20}" + "".join(f"{value:>10.4g}" for value in row.values()) for name, row in systems.items()
        ]
    return "\n".join([*lines, "", *_ratios(cases), ""])


def _ratios(cases: Mapping[str, Mapping[str, Figures]]) -> list[str]:
    lines = ["messages per second, ours : theirs (goal)"]
    for (ours, theirs), goals in GOALS.items():
        cells = [
            f"{case} {_ratio(systems, ours, theirs):.2f}" + (f" (≥ {goals[case]})" if case in goals else "")
            for case, systems in cases.items()
            if ours in systems and theirs in systems
        ]
        if cells:
            lines.append(f"  {ours} : {theirs}   " + "   ".join(cells))
    return lines


def _ratio(systems: Mapping[str, Figures], ours: str, theirs: str) -> float:
    return systems[ours]["msgs_per_s"] / (systems[theirs]["msgs_per_s"] or 0.1)
