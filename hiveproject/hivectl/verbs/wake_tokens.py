"""Verbs about wake tokens."""

from __future__ import annotations

import argparse
from typing import Any

from broker.models import WakeToken
from hiveproject import wake_tokens
from hiveproject.hivectl.answers import Answer, table
from hiveproject.hivectl.verbs.agents import OPERATOR, existing
from hiveproject.supervisor.plan import Plan


def wake_token(options: argparse.Namespace) -> Answer:
    """make, list, revoke"""
    return {"make": _make, "list": _list, "revoke": _revoke}[options.what](options)


def _make(options: argparse.Namespace) -> Answer:
    made = wake_tokens.make(existing(options.name).name, options.label, actor=OPERATOR)
    url = f"{Plan.from_environment('web').url.rstrip('/')}/api/v1/wake/{made.row.agent}"
    text = f"{made.secret}\n\nKeep it now, it is not shown again. To use it:\n"
    text += f"  curl -H 'Authorization: Bearer {made.secret}' -H 'Content-Type: text/plain' --data-binary 'Hello' {url}"
    return Answer({**_row(made.row), "token": made.secret, "url": url}, text)


def _list(options: argparse.Namespace) -> Answer:
    found = WakeToken.objects.all()
    rows = [_row(row) for row in (found.filter(agent=existing(options.name).name) if options.name else found)]
    shown = [
        (row["id"], row["agent"], row["label"], row["made_at"][:16], row["used_at"] or "never", row["state"])
        for row in rows
    ]
    return Answer(rows, table(("ID", "AGENT", "LABEL", "MADE", "USED", "STATE"), shown, "There is no wake token."))


def _revoke(options: argparse.Namespace) -> Answer:
    row = wake_tokens.revoke(options.id, actor=OPERATOR)
    return Answer(_row(row), f"Wake token {row.pk} ({row.label}) of {row.agent} is worth nothing from now on.")


def _row(token: WakeToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "agent": token.agent,
        "label": token.label,
        "made_by": token.made_by,
        "made_at": token.made_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
        "state": "revoked" if token.revoked_at else "valid",
    }
