"""Trying a policy out: what it would have refused of what an agent sent."""

from __future__ import annotations

from django.http import HttpResponse

from broker import dryrun
from broker.dryrun import CheckRefused
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.requests import HiveRequest, show

_MOST = 2_000


def try_out(request: HiveRequest, name: str) -> HttpResponse:
    """A form and, where it was filled in, the outcome. Nothing is changed: the policy stands in agent.nix."""
    agent, given = existing(name), request.GET.get("recipients")
    options = agent.deployment.options if agent.deployment is not None else {}
    now = options.get("allowedRecipients")
    context: dict[str, object] = {"agent": agent, "days": dryrun.DAYS, "most": dryrun.MAX_SHOWN}
    context["now"] = "*" if now is None else ", ".join(now)
    context["given"] = context["now"] if given is None else given[:_MOST]
    if given is not None:
        try:
            context["outcome"] = dryrun.check(agent.name, dryrun.parse(given[:_MOST]))
        except CheckRefused as refusal:
            context["complaint"] = str(refusal)
    return show(request, "agents/policy.html", {}, context)
