"""Whose word a verb is: the operator's, or that of the account named with --as."""

from __future__ import annotations

from django.contrib.auth.models import User

from agents import actors
from agents.actors import Actor
from hiveproject.account import USERNAME
from hiveproject.dashboard.requests import may_decide


class NoOperator(Exception):
    """There is no such account, or it may not decide."""


def acting(account: str) -> Actor:
    """The actor of the account. Raises `NoOperator` where the account may not decide."""
    name = account or USERNAME
    user = User.objects.filter(username=name).first()
    if user is None:
        raise NoOperator(f"there is no account {name!r}")
    if not may_decide(user):
        raise NoOperator(f"{name} may look, not decide: an operator can give it that right in the admin")
    return actors.operator(name)
