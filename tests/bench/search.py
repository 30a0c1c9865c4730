"""`python -m tests.bench.search`: full-text search over 100,000 messages, on a database of its own.

Words follow Zipf's law, as in a language, so that frequent and rare ones are searched for. Times are of the whole
call, the ids' rows read included, for the operator and for one agent of twenty. `--cpu` measures the process's own
time instead of the wall's, for a machine that others use too.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

MESSAGES, AGENTS, WORDS, QUERIES = 100_000, 20, 5_000, 300
CLOCK = time.process_time if "--cpu" in sys.argv else time.perf_counter
OUT = Path(__file__).parent / "out" / "search.json"


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    randomness = random.Random(7)
    vocabulary = [f"w{number:04}" for number in range(WORDS)]
    weights = [1 / rank for rank in range(1, WORDS + 1)]
    _fill(randomness, vocabulary, weights)
    figures = {"taking up 1,000 messages, ms": [_index()]}
    queries = [" ".join(randomness.choices(vocabulary, weights, k=1 + n % 3)) for n in range(QUERIES)]
    for who in (None, "a7"):
        figures[f"search of {'the operator' if who is None else 'an agent'}, ms"] = _search(queries, who)
    figures["the most frequent word, ms"] = _search([vocabulary[0]] * 50, None)
    figures["the most frequent word, an agent, ms"] = _search([vocabulary[0]] * 50, "a7")
    figures["a beginning (w00*), ms"] = _search(["w00*"] * 50, None)
    _report(figures)


def _fill(randomness: random.Random, vocabulary: list[str], weights: list[float]) -> None:
    """Messages of 5 to 60 words among the agents, as the broker stores them."""
    from django.db import transaction

    from agents.models import Agent, Deployment
    from broker.policy import Directory
    from broker.senders import Sender
    from broker.storing import Outgoing, store

    for number in range(AGENTS):
        agent = Agent.objects.create(name=f"a{number}", lifecycle="live")
        agent.deployment = Deployment.objects.create(agent=agent, approval_id=1, commit="c", tree="t")
        agent.save()
    directory = Directory.load()
    for _ in range(MESSAGES // 1000):
        with transaction.atomic():
            batch = []
            for _ in range(1000):
                sender, to = randomness.sample(range(AGENTS), 2)
                body = " ".join(randomness.choices(vocabulary, weights, k=randomness.randint(5, 60)))
                batch.append(Outgoing(Sender.agent(f"a{sender}"), f"a{to}", body))
            store(batch, directory)


def _index() -> float:
    from broker import search

    begun = CLOCK()
    count = search.catch_up()
    return (CLOCK() - begun) * 1000 / count * 1000


def _search(queries: list[str], party: str | None) -> list[float]:
    from broker import flow

    taken = []
    for text in queries:
        begun = CLOCK()
        flow.find(text, party=party, limit=20)
        taken.append((CLOCK() - begun) * 1000)
    return taken


def _report(figures: dict[str, list[float]]) -> None:
    rows = {}
    for name, values in figures.items():
        ordered = sorted(values)
        rows[name] = {
            "p50": statistics.median(ordered),
            "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
            "max": ordered[-1],
            "n": len(ordered),
        }
        sys.stdout.write("{:<40} p50 {p50:8.2f}   p95 {p95:8.2f}   max {max:8.2f}   n {n}\n".format(name, **rows[name]))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"messages": MESSAGES, "figures": rows}, indent=2))


if __name__ == "__main__":
    main()
