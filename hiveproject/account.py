"""The operator's account: the one superuser a hive is born with."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.db import transaction

from agents import actors
from agents.actors import Actor
from approvals import audit
from hiveproject import signin

USERNAME = "operator"


def ensure(password: str) -> str:
    """Make the operator when there is none; returns the password that was made up, if one was.

    A `password` that is given holds from the first start on; a later one changes nothing.
    """
    if User.objects.filter(username=USERNAME).exists():
        return ""
    chosen = password or _random()
    User.objects.create_superuser(USERNAME, password=chosen)
    return "" if password else chosen


def reset() -> str:
    """Give the operator a new password and return it; the account is made when it is missing.

    Sessions and sign-in links of before are worth nothing any more.
    """
    password = _random()
    with transaction.atomic():
        account, _ = User.objects.get_or_create(username=USERNAME)
        account.is_active = account.is_staff = account.is_superuser = True
        account.set_password(password)
        account.save()
        signin.revoke(account)
        audit.record("password reset", actor=actors.operator(USERNAME), note="on the command line")
    return password


def sign_in_path(actor: Actor = actors.SYSTEM) -> str:
    """Path of a page that signs the operator in once."""
    return signin.path(signin.issue(User.objects.get(username=USERNAME), actor=actor))


def _random() -> str:
    return secrets.token_urlsafe(12)
