"""How far the sign-in of an agent's driver has got, read from the operator's last orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from agents.models import Agent
from broker.models import Order

_WAITS = timedelta(minutes=30)
_TRUSTED = ("claude.ai", "claude.com", "anthropic.com")


@dataclass(frozen=True)
class SignIn:
    """`address` is where to get a code, while one is waited for; `result` what came of the last attempt."""

    address: str = ""
    trusted: bool = False
    result: str = ""
    ok: bool = False


def state(agent: Agent) -> SignIn:
    order = Order.objects.filter(agent=agent, verb__in=("login_start", "login_code", "login_cancel")).first()
    if order is None or not order.is_over:
        return SignIn(result="" if order is None else "The agent is being asked.", ok=True)
    ok = order.state == Order.State.DONE
    if order.verb != "login_start" or not ok:
        return SignIn(result="" if order.verb == "login_cancel" else order.text, ok=ok)
    if order.finished_at is None or order.finished_at < timezone.now() - _WAITS:
        return SignIn(result="The last attempt was given up after half an hour.", ok=True)
    return SignIn(address=order.text, trusted=is_trusted(order.text))


def is_trusted(address: str) -> bool:
    """The agent said it, and an agent may lie: only the model service's own pages are offered as a link."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        plain = parts.scheme == "https" and parts.port is None and "@" not in parts.netloc
    except ValueError:
        return False
    return plain and any(host == known or host.endswith(f".{known}") for known in _TRUSTED)
