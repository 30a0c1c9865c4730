"""Flags compare with what runs: when something else runs, they are worked out again for all that waits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from agents import actors, configuration, feed, jobs
from agents.jobs import Kind, Run
from agents.models import Agent, Job
from approvals import risks
from approvals.models import Approval

_PROPOSALS = (Approval.Kind.SPAWN, Approval.Kind.APPLY_COMMIT)


def register_jobs() -> None:
    jobs.register("reflag", Kind(_reflag, Job.Lane.REPOSITORY))


def request(agent: Agent) -> None:
    """Have a worker look again at what waits for this agent."""
    if _waiting(agent):
        jobs.request("reflag", agent, actor=actors.SYSTEM)


def assessed(approval: Approval, options: dict[str, Any]) -> dict[str, Any]:
    """The fields of an approval that say what to look at twice, compared with what its agent runs now."""
    agent = Agent.objects.select_related("deployment").get(pk=approval.agent_id)
    running = agent.deployment
    change = risks.Change.from_repository(
        configuration.applied(agent.name),
        running.commit if running else None,
        approval.commit,
        running.options if running else None,
        options,
        backend=settings.HIVE_BACKEND,
    )
    return {"flags": [flag.to_json() for flag in risks.assess(change)], "flagged_on": agent.deployment_id}


def is_stale(approval: Approval) -> bool:
    """Whether something else runs by now than the flags were compared with."""
    return approval.flagged_on is not None and approval.flagged_on != approval.agent.deployment_id


def _waiting(agent: Agent) -> list[Approval]:
    found = Approval.objects.filter(agent=agent, status=Approval.Status.PENDING, kind__in=_PROPOSALS)
    return list(found.exclude(commit="").select_related("agent"))


def _reflag(run: Run) -> None:
    for approval in _waiting(run.agent):
        fields = assessed(approval, approval.options)
        with transaction.atomic():
            Approval.objects.filter(pk=approval.pk, status=Approval.Status.PENDING).update(**fields)
            feed.publish("approvals", approval.pk)
        run.log(f"Approval {approval.pk} is compared with what runs now.")
