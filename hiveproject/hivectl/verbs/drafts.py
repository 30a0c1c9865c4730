"""Verbs about drafts: agents that are written down but not asked for yet."""

from __future__ import annotations

import argparse

from approvals import drafts
from hiveproject.hivectl.answers import Answer, table
from hiveproject.hivectl.verbs.agents import OPERATOR, answer_for, existing


def draft(options: argparse.Namespace) -> Answer:
    """create, list, discard"""
    if options.what == "list":
        return _listed()
    if not options.name:
        return Answer.refused(f"say which draft to {options.what}")
    if options.what == "create":
        return answer_for(drafts.make(options.name, actor=OPERATOR), options)
    return answer_for(drafts.discard(existing(options.name), actor=OPERATOR), options)


def _listed() -> Answer:
    rows = [
        {"name": each.agent.name, "made_by": each.made_by, "made_at": each.made_at and each.made_at.isoformat()}
        for each in drafts.known()
    ]
    shown = [(row["name"], row["made_by"], (row["made_at"] or "")[:16].replace("T", " ")) for row in rows]
    return Answer(rows, table(("NAME", "MADE BY", "MADE AT"), shown, "No drafts."))
