"""From approved to deployed: exactly the approved commit is evaluated, switched to, checked, and tagged.

Every step can be driven again: a worker killed anywhere leaves an approval that ends deployed or failed.
"""

from __future__ import annotations

from django.db import transaction

from agents import actors, configuration, events, feed, jobs, lifecycle
from agents.jobs import JobFailed, Kind, Run
from agents.models import Agent, Deployment, Job
from agents.nixconfig.evaluate import EvaluationFailed, EvaluatorMissing
from agents.repositories.applied import PredatesTags
from approvals import decisions, tags, transitions
from approvals.models import Approval

Status = Approval.Status


def register_jobs() -> None:
    jobs.register("deploy", Kind(_deploy, Job.Lane.CONTAINER, failed=_failed))


def _deploy(run: Run) -> None:
    approval = Approval.objects.select_related("agent").get(pk=run.job.approval_id or 0)
    if approval.status == Status.APPROVED:
        approval = _begin(run, approval)
    if approval.status != Status.BUILDING:
        run.log(f"Approval {approval.pk} is {approval.status}: nothing to build.")
        return
    deployment = _build(run, approval)
    lifecycle.switch(run, deployment)
    _complete(run, approval, deployment)


def _begin(run: Run, approval: Approval) -> Approval:
    if approval.decided_on != run.agent.deployment_id:
        superseded = transitions.move(
            approval, Status.SUPERSEDED, actor=actors.SYSTEM, note="Another deploy ran by the time this was built."
        )
        decisions.tell_requester(superseded)
        return superseded
    _check_pinned(approval)
    tags.plant(run.agent, f"approved/{approval.pk}", approval.commit)
    tags.plant(run.agent, f"building/{approval.pk}", approval.commit)
    run.log(f"Building {run.agent.name} from {approval.commit[:12]}.")
    return transitions.move(approval, Status.BUILDING, actor=actors.SYSTEM)


def _check_pinned(approval: Approval) -> None:
    """What was approved is what is built: the commit must still name the tree that the operator saw."""
    repository = configuration.applied(approval.agent.name)
    try:
        repository.require_baseline()
    except PredatesTags as refusal:
        raise JobFailed(str(refusal)) from refusal
    if approval.tree and repository.tree_of(approval.commit) != approval.tree:
        raise JobFailed(f"commit {approval.commit[:12]} holds another tree than the one that was approved")


def _build(run: Run, approval: Approval) -> Deployment:
    repository = configuration.applied(run.agent.name)
    repository.checkout(approval.commit)
    run.log("Evaluating agent.nix.")
    try:
        evaluation = configuration.evaluated(run, approval.commit)
    except (EvaluationFailed, EvaluatorMissing) as failure:
        raise JobFailed(str(failure)) from failure
    deployment, _ = Deployment.objects.update_or_create(
        agent=run.agent,
        approval_id=approval.pk,
        defaults={
            "commit": approval.commit,
            "tree": repository.tree_of(approval.commit),
            "options": evaluation.options,
            "ignored": evaluation.ignored,
        },
    )
    return deployment


def _complete(run: Run, approval: Approval, deployment: Deployment) -> None:
    agent, first = run.agent, run.agent.lifecycle != Agent.Lifecycle.LIVE
    repository = configuration.applied(agent.name)
    if repository.main() is None:
        tags.plant(agent, "deployed/0", approval.commit)
    reason = approval.description if approval.kind == Approval.Kind.ROLLBACK else ""
    tags.plant(agent, deployment.tag, approval.commit, reason)
    repository.set_main(approval.commit)
    configuration.adopt(run, agent, approval.commit)
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Agent.Lifecycle.LIVE, deployment=deployment)
        done = transitions.move(approval, Status.DEPLOYED, actor=actors.SYSTEM)
        feed.publish("agents", agent.pk)
        kind = "spawned" if first else "rebuilt"
        events.emit(events.Event(kind, agent.name, f"{agent.name} was {kind}: {deployment.tag}."))
        decisions.tell_requester(done)
    run.log(f"{agent.name} runs {deployment.tag}.")


def _failed(job: Job, error: str) -> None:
    """Tag the failure, put the tree and the previous deploy back, tell whoever asked."""
    approval = Approval.objects.select_related("agent", "agent__deployment").get(pk=job.approval_id or 0)
    if approval.status not in (Status.APPROVED, Status.BUILDING):
        return
    agent = approval.agent
    repository = configuration.applied(agent.name)
    tags.plant(agent, f"failed/{approval.pk}", approval.commit, error)
    if repository.main() is not None:
        repository.reset_to_head()
    with transaction.atomic():
        failed = transitions.move(approval, Status.FAILED, actor=actors.SYSTEM, note=error)
        decisions.tell_requester(failed)
        _put_back(agent)


def _put_back(agent: Agent) -> None:
    """After a failed switch what ran before is started again; what a first spawn made is kept for looking at."""
    if agent.lifecycle == Agent.Lifecycle.LIVE:
        if agent.wanted:
            jobs.request("start", agent, actor=actors.SYSTEM)
        return
    Agent.objects.filter(pk=agent.pk).update(wanted=False)
    jobs.request("destroy", agent, actor=actors.SYSTEM, options={"purge": False})
