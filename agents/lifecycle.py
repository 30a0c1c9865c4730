"""What an operator does with a container: start, stop, restart, rebuild, destroy, purge.

Each verb records a job; the job does it and leaves the agent's row saying what is true.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import actors, configuration, deeds, events, feed, gate, interruption, jobs, naming, runtime, serverfiles
from agents.actors import Actor
from agents.backend import containers
from agents.containers.protocol import ContainerFailed, ContainerSpec
from agents.jobs import JobFailed, Kind, Run
from agents.models import Agent, Deployment, Job


class LifecycleRefused(Exception):
    """The verb makes no sense for this agent now; the text says why."""


def start(agent: Agent, *, actor: Actor) -> Job:
    return _request("start", agent, actor, wanted=True)


def stop(agent: Agent, *, actor: Actor) -> Job:
    return _request("stop", agent, actor, wanted=False)


def restart(agent: Agent, *, actor: Actor) -> Job:
    return _request("restart", agent, actor, wanted=True)


def rebuild(agent: Agent, *, actor: Actor) -> Job:
    return _request("rebuild", agent, actor, wanted=True)


def destroy(agent: Agent, *, actor: Actor, purge: bool = False) -> Job:
    """Take the container away. Notes, credentials and repositories stay as kept state unless `purge`."""
    if agent.is_manager:
        raise LifecycleRefused(f"{agent.name} is the manager: the hive cannot do without it")
    if agent.lifecycle == Agent.Lifecycle.REQUESTED:
        raise LifecycleRefused(f"{agent.name} waits for its approval: deny or cancel that instead")
    if agent.lifecycle == Agent.Lifecycle.DRAFT:
        raise LifecycleRefused(f"{agent.name} is a draft and has no container: throw the draft away instead")
    if agent.lifecycle == Agent.Lifecycle.GONE or (agent.lifecycle == Agent.Lifecycle.KEPT and not purge):
        raise LifecycleRefused(f"{agent.name} has no container; --purge removes what is kept of it")
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(wanted=False)
        deeds.tell("agent purge asked" if purge else "agent destroy asked", actor=actor, agent=agent.name)
        return jobs.request("destroy", agent, actor=actor, options={"purge": purge})


def refresh_manager(manager: Agent, *, actor: Actor) -> None:
    """Let the manager see a folder that has just appeared: it ends after its turn and is started again."""
    if manager.running:
        jobs.request("drain", manager, actor=actor)


def switch(run: Run, deployment: Deployment) -> None:
    """Put `deployment` to run in place of what runs now and wait until its harness is well.

    Raises `JobFailed` with the last log lines when it does not come up, `Interrupted` when it was called off; what
    ran before is then gone: the caller puts it back.
    """
    name = run.agent.name
    refuse_port_collision(name)
    with interruption.unstoppable():
        containers().create(name)
        containers().stop(name)
    _bring_up(run, deployment, restarted=run.agent.started_deployment_id is not None)


def refuse_port_collision(name: str) -> None:
    """A running agent whose name hashes to the same port would make the harness fail: say so before."""
    port = naming.web_port(name)
    for other in Agent.objects.live().exclude(name=name):
        if other.web_port == port and containers().is_running(other.name):
            raise JobFailed(f"port {port} is already taken by '{other.name}' — rename one of them and retry")


def register_jobs() -> None:
    """Tell the job machine how each verb is done."""
    lane = Job.Lane.CONTAINER
    for name, handler in {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "rebuild": _rebuild,
        "destroy": _destroy,
        "drain": _drain,
        "put_away": put_away,
    }.items():
        jobs.register(name, Kind(handler, lane))


def _request(kind: str, agent: Agent, actor: Actor, *, wanted: bool) -> Job:
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        raise LifecycleRefused(
            f"{agent.name} has no container ({agent.get_lifecycle_display().lower()}): spawn it first"
        )
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(wanted=wanted, frozen=False)
        return jobs.request(kind, agent, actor=actor)


def _start(run: Run) -> None:
    agent, deployment = run.agent, _current(run.agent)
    if containers().is_running(agent.name) and agent.started_deployment == deployment:
        run.log(f"{agent.name} runs already.")
        return
    switch(run, deployment)


def _stop(run: Run) -> None:
    containers().stop(run.agent.name)
    mark_stopped(run.agent)
    run.log(f"{run.agent.name} is stopped.")
    events.emit(events.Event("killed", run.agent.name, f"{run.agent.name} was stopped by {run.job.requested_by}."))


def _restart(run: Run) -> None:
    switch(run, _current(run.agent))


def _rebuild(run: Run) -> None:
    deployment = configuration.rebuilt(run, _current(run.agent))
    switch(run, deployment)
    events.emit(events.Event("rebuilt", run.agent.name, f"{run.agent.name} runs {deployment.tag}, rebuilt."))


def _destroy(run: Run) -> None:
    carry_out_destroy(run, purge=bool(run.job.options.get("purge")))


def carry_out_destroy(run: Run, *, purge: bool) -> None:
    """Take the container away, and with `purge` everything. Doing it again changes nothing."""
    agent = run.agent
    containers().destroy(agent.name)
    mark_stopped(agent)
    configuration.forget(run, agent)
    if purge:
        containers().purge(agent.name)
        configuration.purge(agent.name)
    with transaction.atomic():
        now = Agent.Lifecycle.GONE if purge else Agent.Lifecycle.KEPT
        Agent.objects.filter(pk=agent.pk).update(lifecycle=now, started_deployment=None, failed=False, failure="")
        feed.publish("agents", agent.pk)
        asked_by = actors.parsed(run.job.requested_by)
        deeds.tell("agent purged" if purge else "agent destroyed", actor=asked_by, agent=agent.name)
        what = "destroyed, its notes, credentials and repositories with it" if purge else "destroyed; its state is kept"
        events.emit(events.Event("destroyed", agent.name, f"{agent.name} was {what}, by {run.job.requested_by}."))
    run.log(f"{agent.name} is {what}.")


def _drain(run: Run) -> None:
    containers().drain(run.agent.name)
    run.log(f"{run.agent.name} ends after its turn and is started again.")


def put_away(run: Run) -> None:
    """A first start that failed: nothing of it runs any more, all of it is kept for looking at."""
    agent = run.agent
    containers().stop(agent.name)
    mark_stopped(agent)
    with transaction.atomic():
        rows = Agent.objects.filter(pk=agent.pk, lifecycle=Agent.Lifecycle.REQUESTED)
        rows.update(lifecycle=Agent.Lifecycle.KEPT, wanted=False, started_deployment=None)
        feed.publish("agents", agent.pk)
    run.log(f"{agent.name} is stopped; its folders and its log are kept.")


def mark_stopped(agent: Agent) -> None:
    """Record that the container does not run, on purpose."""
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(
            running=False, connected=False, failed=False, failure="", busy_since=None, frozen=False, held=False
        )
        feed.publish("agents", agent.pk)


def _current(agent: Agent) -> Deployment:
    if agent.deployment is None:
        raise JobFailed(f"{agent.name} has never been deployed: spawn it first")
    return agent.deployment


def _bring_up(run: Run, deployment: Deployment, *, restarted: bool) -> None:
    agent = run.agent
    begun = timezone.now()
    with interruption.unstoppable():
        containers().create(agent.name)
        runtime.write(agent, deployment, restarted=restarted)
        serverfiles.place(agent, deployment)
        run.log(f"Starting {agent.name} with {deployment.tag} ({deployment.commit[:12]}).")
        try:
            containers().start(container_spec(agent, deployment))
        except ContainerFailed as failure:
            raise JobFailed(str(failure)) from failure
    with transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(
            running=True,
            frozen=False,
            held=False,
            failed=False,
            failure="",
            started_deployment=deployment,
            started_version=settings.HIVE_VERSION,
        )
        feed.publish("agents", agent.pk)
    gate.await_health(run, begun)


def container_spec(agent: Agent, deployment: Deployment) -> ContainerSpec:
    """What the backend needs to start this generation."""
    options = deployment.options
    environment = {
        **options["environment"],
        "HIVE_PORT": str(agent.web_port),
        "HIVE_LABEL": agent.name,
        "HIVE_DASHBOARD_PORT": str(settings.HIVE_PORT),
    }
    if settings.HIVE_FORGE_REPO:
        environment["HIVE_FORGE_REPO"] = settings.HIVE_FORGE_REPO
    return ContainerSpec(
        name=agent.name,
        driver=options["driver"],
        network=options["network"],
        memory_max=options["memoryMax"],
        cpu_quota=options["cpuQuota"],
        environment=environment,
        children=_children() if agent.is_manager else (),
        gui=bool(options.get("gui.enable")),
    )


def _children() -> tuple[str, ...]:
    names = Agent.objects.exclude(name=naming.MANAGER).values_list("name", flat=True)
    return tuple(name for name in names if settings.HIVE_PATHS.proposed(name).is_dir())
