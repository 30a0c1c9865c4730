"""`make bench-relay`: medians of rounds in which every relay takes its turn at every measure; nothing is asserted."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.bench.machine import machine  # noqa: E402 - needs the settings
from tests.bench.relay.measures import MEASURES  # noqa: E402
from tests.bench.relay.relays import relays  # noqa: E402

ROUNDS = 3
OUT = Path(__file__).parents[1] / "out" / "relay.json"


def main() -> None:
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with relays() as found:
        for number in range(ROUNDS):
            for measure in MEASURES:
                for name, relay in found.items():
                    for key, value in measure(relay).items():
                        values[name][key].append(value)
            sys.stdout.write(f"round {number + 1} of {ROUNDS}\n")
            sys.stdout.flush()
    medians = {
        name: {key: round(statistics.median(each), 3) for key, each in of.items()} for name, of in values.items()
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine(), "relays": medians}, indent=2) + "\n")
    _show(medians)


def _show(medians: dict[str, dict[str, float]]) -> None:
    names = list(medians)
    sys.stdout.write(f"\n{'':<24}" + "".join(f"{name:>20}" for name in names) + "\n")
    for key in medians[names[0]]:
        sys.stdout.write(f"{key:<24}" + "".join(f"{medians[name][key]:>20,.3f}" for name in names) + "\n")
    sys.stdout.write(f"\n{machine()}\nwritten to {OUT}\n")


if __name__ == "__main__":
    main()
