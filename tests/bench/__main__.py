"""`make bench`: what an operator waits for, measured on a real hive. Medians of five or more; nothing is asserted."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from tests.bench import browser, freezing, idle, mail
from tests.bench.machine import machine
from tests.system.hive import Hive, running_hive

ROUNDS = 5
OUT = Path(__file__).parent / "out" / "hive.json"


def main() -> None:
    figures: dict[str, dict[str, object]] = {}
    with running_hive() as hive:
        hive.running("hm1nd")
        _note(figures, "spawn approved → agent connected, s", "≤ 1.0", _spawns(hive))
        _note(figures, "approve → build running, s", "≤ 0.2", _approvals(hive))
        _note(figures, "rollback → agent answering, s", "≤ 3", _rollbacks(hive))
        for name, (goal, values) in mail.measure(hive).items():
            _note(figures, name, goal, values)
        _note(figures, "event committed → in the browser, ms", "p95 ≤ 100", browser.measure(hive))
        for name, (goal, values) in idle.measure(hive).items():
            _note(figures, name, goal, values)
    for name, (goal, values) in freezing.measure().items():
        _note(figures, name, goal, values)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2))
    sys.stdout.write(f"\n{machine()}\nwritten to {OUT}\n")


def _note(figures: dict[str, dict[str, object]], name: str, goal: str, values: list[float]) -> None:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    figures[name] = {"median": statistics.median(values), "p95": p95, "n": len(values), "goal": goal}
    sys.stdout.write(
        f"{name:<48} median {statistics.median(values):9.3f}   p95 {p95:9.3f}   n {len(values):4}   goal {goal}\n"
    )
    sys.stdout.flush()


def _spawns(hive: Hive) -> list[float]:
    return [_job_seconds(hive, f"s{number}") for number in range(ROUNDS)]


def _job_seconds(hive: Hive, name: str) -> float:
    """From the operator's decision to the harness's connection, by the hive's own timestamps."""
    hive.ctl("spawn", name)
    (waiting,) = hive.ctl("approvals")
    hive.ctl("approve", str(waiting["id"]), "--wait")
    hive.running(name)
    return hive.database(
        "SELECT (julianday(a.connected_at) - julianday(p.decided_at)) * 86400 FROM agents_agent a"
        f" JOIN approvals_approval p ON p.id = {waiting['id']} WHERE a.name = '{name}'"
    )


def _approvals(hive: Hive) -> list[float]:
    return [
        hive.database(
            "SELECT (julianday(j.started_at) - julianday(p.decided_at)) * 86400 FROM agents_job j"
            f" JOIN approvals_approval p ON p.id = j.approval_id WHERE j.kind = 'deploy' AND p.id = {row['id']}"
        )
        for row in hive.ctl("approvals", "--all")
    ]


def _rollbacks(hive: Hive) -> list[float]:
    """From the decision to the connection, and from a question to its answer, by the hive's own timestamps."""

    def once() -> float:
        hive.ctl("rollback", "s0", "deployed/0", "--reason", "measure", "--wait")
        connected = hive.database(
            "SELECT (julianday(a.connected_at) - julianday(p.decided_at)) * 86400 FROM agents_agent a"
            " JOIN approvals_approval p ON p.agent_id = a.id WHERE a.name = 's0' ORDER BY p.id DESC LIMIT 1"
        )
        hive.ask("s0", "there?")
        answered = hive.database(
            "SELECT (julianday(b.created_at) - julianday(a.created_at)) * 86400 FROM broker_message b"
            " JOIN broker_message a ON a.id = b.in_reply_to WHERE b.sender = 's0' ORDER BY b.id DESC LIMIT 1"
        )
        return connected + answered

    return [once() for _ in range(ROUNDS)]


if __name__ == "__main__":
    main()
