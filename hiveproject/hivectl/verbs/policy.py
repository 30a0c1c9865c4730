"""Verbs about who may write to whom."""

from __future__ import annotations

import argparse

from broker import dryrun
from hiveproject.hivectl.answers import Answer, table
from hiveproject.hivectl.verbs.agents import existing


def policy(options: argparse.Namespace) -> Answer:
    """Which messages of the last days another `allowedRecipients` would have refused. Changes nothing."""
    outcome = dryrun.check(existing(options.name).name, dryrun.parse(options.recipients), days=options.days)
    hits = [
        {"id": hit.id, "recipient": hit.recipient, "created_at": hit.created_at.isoformat(), "opening": hit.opening}
        for hit in outcome.hits
    ]
    data = {
        "agent": outcome.agent,
        "allowed": list(outcome.allowed) if outcome.allowed is not None else None,
        "unknown": list(outcome.unknown),
        "days": options.days,
        "sent": outcome.sent,
        "refused": outcome.refused,
        "messages": hits,
    }
    return Answer(data, _told(outcome, options.days, hits))


def _told(outcome: dryrun.Outcome, days: int, hits: list[dict[str, object]]) -> str:
    lines = [
        f"Of {outcome.sent} messages that {outcome.agent} sent in {days} days, {outcome.refused} would be refused."
    ]
    lines += [f"There is no agent {name!r} now." for name in outcome.unknown]
    if hits:
        rows = [(hit["id"], hit["recipient"], str(hit["created_at"])[:16], hit["opening"]) for hit in hits]
        lines += ["", table(("ID", "TO", "SENT", "BEGINS"), rows, "")]
    return "\n".join(lines)
