"""Plain builders: rows as they stand in a running hive, with keyword overrides."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from agents.models import Agent, Deployment
from agents.nixconfig import options
from approvals.models import Approval

COMMIT = "1" * 40
TREE = "2" * 40


def agent(name: str = "alice", **fields: Any) -> Agent:
    """A live agent that was deployed once."""
    built = Agent.objects.create(name=name, **{"lifecycle": Agent.Lifecycle.LIVE, **fields})
    if built.lifecycle == Agent.Lifecycle.LIVE and "deployment" not in fields:
        built.deployment = deployment(built)
        built.started_deployment = built.deployment
        built.save()
    settings.HIVE_PATHS.agent(name).mkdir(parents=True, exist_ok=True)
    return built


def deployment(of: Agent, **fields: Any) -> Deployment:
    given = {"approval_id": 0, "commit": COMMIT, "tree": TREE, "options": agent_options(), **fields}
    return Deployment.objects.create(agent=of, **given)


def agent_options(**given: Any) -> dict[str, Any]:
    """The options of a scripted agent, with some given."""
    return options.parse({"driver": "scripted", **given}, default_driver="scripted")


def approval(of: Agent | None = None, **fields: Any) -> Approval:
    """A pending apply_commit of the manager's."""
    given = {
        "agent": of or Agent.objects.filter(name="alice").first() or agent(),
        "kind": Approval.Kind.APPLY_COMMIT,
        "status": Approval.Status.PENDING,
        "commit": COMMIT,
        "tree": TREE,
        "requested_by": "agent:hm1nd",
        **fields,
    }
    return Approval.objects.create(**given)
