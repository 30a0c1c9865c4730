"""How a build ends. Each ending can be driven again after a kill: it asks what is there, and does what is missing."""

from __future__ import annotations

from django.db import transaction

from agents import actors, configuration, events, feed, jobs, lifecycle
from agents.backend import containers
from agents.jobs import Run
from agents.models import Agent, Deployment
from approvals import decisions, reflagging, tags, transitions
from approvals.models import Approval

Status = Approval.Status


def settle(approval: Approval, ending: str, error: str = "") -> bool:
    """Say how it ends, once; false when an operator has cancelled it before."""
    rows = Approval.objects.filter(pk=approval.pk, status__in=(Status.APPROVED, Status.BUILDING))
    fields = {"note": error} if error else {}
    return bool(rows.filter(ending__in=("", ending)).update(ending=ending, **fields))


def deployed(run: Run, approval: Approval) -> None:
    """It runs and is well: plant the tag, move `main`, take it into the meta flake, then say so."""
    agent = run.agent
    repository = configuration.applied(agent.name)
    if repository.main() is None:
        tags.plant(agent, "deployed/0", approval.commit)
    reason = approval.description if approval.kind == Approval.Kind.ROLLBACK else ""
    tags.plant(agent, f"deployed/{approval.pk}", approval.commit, reason)
    repository.set_main(approval.commit)
    configuration.adopt(run, agent, approval.commit)
    conclude(approval)
    run.log(f"{agent.name} runs deployed/{approval.pk}.")


def conclude(approval: Approval) -> None:
    """The rows of a deploy: what runs, what became of the approval, who is told."""
    agent = Agent.objects.get(pk=approval.agent_id)
    kind = "rebuilt" if agent.lifecycle == Agent.Lifecycle.LIVE else "spawned"
    with transaction.atomic():
        deployment = Deployment.objects.get(agent=agent, approval_id=approval.pk)
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Agent.Lifecycle.LIVE, deployment=deployment)
        done = transitions.move(approval, Status.DEPLOYED, actor=actors.SYSTEM)
        feed.publish("agents", agent.pk)
        events.emit(events.Event(kind, agent.name, f"{agent.name} was {kind}: {deployment.tag}."))
        decisions.tell_requester(done)
        reflagging.request(agent)
        put_back(agent)


def failed(approval: Approval) -> None:
    """Tag the failure with its evidence, put back what ran before, tell the operator and whoever asked."""
    agent = approval.agent
    tags.plant(agent, f"failed/{approval.pk}", approval.commit, approval.note)
    _reset_tree(agent)
    with transaction.atomic():
        done = transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=approval.note)
        decisions.tell_requester(done, "operator")
        put_back(agent)


def superseded(approval: Approval, reason: str) -> None:
    """What was approved is not what would run: nothing changes, and it has to be asked for again."""
    _reset_tree(approval.agent)
    with transaction.atomic():
        done = transitions.move(approval, Status.SUPERSEDED, actor=actors.SYSTEM, note=reason)
        decisions.tell_requester(done, "operator")
        put_back(approval.agent)


def cancelled(approval: Approval) -> None:
    """An operator has called the build off: what ran before runs again; of a spawn only what it made goes."""
    agent = approval.agent
    _reset_tree(agent)
    if agent.lifecycle == Agent.Lifecycle.LIVE:
        put_back(agent)
        return
    containers().stop(agent.name)
    lifecycle.mark_stopped(agent)
    Agent.objects.filter(pk=agent.pk).update(wanted=False, started_deployment=None)
    jobs.request("unpin", agent, actor=actors.SYSTEM, approval_id=approval.pk)


def put_back(agent: Agent) -> None:
    """Have what is deployed run again; what a failed first start made is stopped and kept for looking at."""
    agent.refresh_from_db()
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        jobs.request("put_away", agent, actor=actors.SYSTEM)
    elif agent.wanted and not (agent.running and agent.started_deployment_id == agent.deployment_id):
        jobs.request("start", agent, actor=actors.SYSTEM)


def _reset_tree(agent: Agent) -> None:
    repository = configuration.applied(agent.name)
    if repository.main() is not None:
        repository.reset_to_head()
