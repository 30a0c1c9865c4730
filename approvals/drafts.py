"""Drafts: an agent's configuration repository and notes folder before anyone has asked for the agent.

The manager commits there and then asks for a spawn from one of its commits. A draft can be thrown away; it has no
container, and everything of it was made by `make`, so nothing else is lost with it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from agents import actors, configuration, feed, jobs, lifecycle, naming
from agents.actors import Actor
from agents.containers import privileged
from agents.jobs import Kind, Run
from agents.models import Agent, Job
from agents.paths import inside
from approvals import audit, requests, tags
from approvals.models import Approval
from approvals.requests import RequestRefused

Lifecycle = Agent.Lifecycle


def register_jobs() -> None:
    lane = Job.Lane.REPOSITORY
    jobs.register("draft", Kind(_make, lane))
    jobs.register("discard", Kind(_discard, lane))


@dataclass(frozen=True)
class Draft:
    """A draft as pages list it; `made` is false while its folders are being made, `problem` why they could not be."""

    agent: Agent
    made_by: str
    made_at: datetime | None
    made: bool
    problem: str


def known() -> list[Draft]:
    """Every draft, by name."""
    made = {
        job.agent_id: job for job in Job.objects.filter(kind="draft", agent__lifecycle=Lifecycle.DRAFT).order_by("id")
    }
    return [_told(agent, made.get(agent.pk)) for agent in Agent.objects.filter(lifecycle=Lifecycle.DRAFT)]


def _told(agent: Agent, job: Job | None) -> Draft:
    if job is None:
        return Draft(agent, "", None, True, "")
    return Draft(agent, job.requested_by, job.requested_at, job.status == Job.Status.DONE, job.error)


def make(name: str, *, actor: Actor) -> Job:
    """Ask for a draft; it is there when the job is done. Raises `NameRefused`, `RequestRefused`."""
    checked = naming.spawnable_name(name)
    with transaction.atomic():
        agent, _ = Agent.objects.get_or_create(name=checked, defaults={"lifecycle": Lifecycle.GONE})
        _refuse_taken(agent)
        requests.refuse_shared_uid(checked)
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Lifecycle.DRAFT, deployment=None)
        audit.record("draft made", actor=actor, agent=checked)
        feed.publish("agents", agent.pk)
        return jobs.request("draft", agent, actor=actor)


def discard(agent: Agent, *, actor: Actor) -> Job:
    """Throw a draft away, its repository and its notes with it. Raises `RequestRefused` for anything but a draft."""
    with transaction.atomic():
        rows = Agent.objects.filter(pk=agent.pk, lifecycle=Lifecycle.DRAFT)
        if not rows.exists():
            raise RequestRefused(f"{agent.name} is no draft: deny its approval, or destroy it")
        audit.record("draft discarded", actor=actor, agent=agent.name)
        feed.publish("agents", agent.pk)
        return jobs.request("discard", agent, actor=actor)


def make_folders(run: Run, *, new: bool) -> None:
    """The agent's folders and its proposed repository with the first `agent.nix`; what is there is left alone."""
    name = run.agent.name
    run.log(f"Making the folders and the configuration repository of {name}.")
    privileged.call("prepare", name=name)
    privileged.call("seed_proposed", name=name, text=configuration.initial_text(name))
    manager = Agent.objects.live().filter(name=naming.MANAGER).first()
    if manager is not None and new:
        lifecycle.refresh_manager(manager, actor=actors.SYSTEM)


def remove_folders(run: Run) -> None:
    """Everything that `make_folders` and pinning made; inside the state root or not at all."""
    name, paths = run.agent.name, settings.HIVE_PATHS
    privileged.call("purge", name=name)
    if paths.applied(name).exists():
        shutil.rmtree(inside(paths.state, paths.applied(name)))
    tags.reconcile(run.agent)
    run.log(f"Removed what was made for {name}.")


def release_name(approval: Approval) -> None:
    """After a spawn came to nothing: the agent is again what it was before."""
    with transaction.atomic():
        now = Lifecycle.GONE if approval.made_state else approval.agent_was or Lifecycle.KEPT
        Agent.objects.filter(pk=approval.agent_id, lifecycle=Lifecycle.REQUESTED).update(lifecycle=now)
        feed.publish("agents", approval.agent_id)


def _refuse_taken(agent: Agent) -> None:
    if agent.lifecycle == Lifecycle.DRAFT:
        raise RequestRefused(f"{agent.name} is a draft already: commit in /agents/{agent.name}/config")
    if agent.lifecycle == Lifecycle.KEPT or (agent.lifecycle == Lifecycle.GONE and requests.has_state(agent.name)):
        raise RequestRefused(f"state of an earlier {agent.name} is kept: spawn it again, or purge that first")
    if agent.lifecycle != Lifecycle.GONE:
        raise RequestRefused(f"{agent.name} is there already, or was asked for")


def _make(run: Run) -> None:
    make_folders(run, new=True)
    run.log(f"{run.agent.name} is a draft: commit in /agents/{run.agent.name}/config, then ask for its spawn.")


def _discard(run: Run) -> None:
    if run.agent.lifecycle != Lifecycle.DRAFT:
        run.log(f"{run.agent.name} is no draft any more.")
        return
    remove_folders(run)
    with transaction.atomic():
        Agent.objects.filter(pk=run.agent.pk, lifecycle=Lifecycle.DRAFT).update(lifecycle=Lifecycle.GONE)
        feed.publish("agents", run.agent.pk)
