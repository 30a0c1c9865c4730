"""`hivectl secret`: a value goes in by standard input and never comes out."""

from __future__ import annotations

import argparse
import getpass
import sys

from agents.models import Secret
from agents.secretstore import LONGEST
from approvals import secrets
from hiveproject.hivectl.answers import Answer, table
from hiveproject.hivectl.verbs.agents import OPERATOR, existing


def secret(options: argparse.Namespace) -> Answer:
    agent = existing(options.name)
    if options.what == "list":
        rows = [_row(one) for one in agent.secrets.all()]
        text = table(("NAME", "VARIABLE", "SET", "BY"), [tuple(row.values()) for row in rows], "No secrets are set.")
        return Answer(rows, text)
    if not options.secret:
        raise secrets.SecretRefused("say which secret: hivectl secret set NAME SECRET")
    if options.what == "unset":
        secrets.remove(agent, options.secret, actor=OPERATOR)
        return Answer({"agent": agent.name, "secret": options.secret}, f"{options.secret} of {agent.name} is gone.")
    one = secrets.put(agent, options.secret, _value(), actor=OPERATOR, in_environment=options.env)
    return Answer(
        {"agent": agent.name, **_row(one)}, f"{one.name} of {agent.name} is set; programs started now get it."
    )


def _value() -> str:
    """One trailing line end is the terminal's, not the secret's."""
    if sys.stdin.isatty():
        return getpass.getpass("Value: ")
    return sys.stdin.read(LONGEST + 2).removesuffix("\n")


def _row(one: Secret) -> dict[str, object]:
    return {"secret": one.name, "variable": one.in_environment, "set_at": one.set_at.isoformat(), "set_by": one.set_by}
