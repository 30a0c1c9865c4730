"""Asking for a change. A request only records the intent; a worker then pins what was asked for."""

from __future__ import annotations

import re
import time

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from agents import feed, jobs, locks, naming
from agents.actors import Actor
from agents.models import Agent, Deployment, Job
from approvals import audit, decisions, inputs, transitions
from approvals.models import Approval, Tag

_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")
_MAX_DESCRIPTION = 20_000
_MAX_SCHEDULES = 5
_POLL = 0.03
_SEQUENCE = "approvals_approval_id_seq"


class RequestRefused(Exception):
    """What was asked for makes no sense; nothing was recorded."""


def spawn(name: str, *, actor: Actor, description: str = "") -> Approval:
    """Ask for a new agent, or for a destroyed one whose state is kept. Raises `NameRefused`, `RequestRefused`."""
    return _spawn(naming.spawnable_name(name), actor=actor, description=description)


def spawn_manager(*, actor: Actor) -> Approval:
    """Ask for the manager; only the hive itself does."""
    return _spawn(naming.MANAGER, actor=actor, description="The hive starts with its manager.")


def spawn_commit(
    name: str, commit_ref: str, *, actor: Actor, description: str = "", supersede: bool = False
) -> Approval:
    """Ask for a draft, or for an agent whose state is kept, to be spawned from a commit of its proposed repository.

    With `supersede` a spawn of the same agent that already waits gives way once this one is pinned.
    """
    _check_commit(commit_ref)
    with transaction.atomic():
        agent = _existing(naming.spawnable_name(name))
        if agent.lifecycle == Agent.Lifecycle.LIVE:
            raise RequestRefused(f"{name} is there already: ask with request_apply_commit")
        waiting = _waiting_spawn(agent) if agent.lifecycle == Agent.Lifecycle.REQUESTED else None
        if agent.lifecycle == Agent.Lifecycle.REQUESTED and (waiting is None or not supersede):
            raise RequestRefused(f"{name} was asked for already: decide its approval, or ask with supersede=true")
        _refuse_failed(agent, commit_ref, description)
        made = waiting.made_state if waiting is not None else False
        was = waiting.agent_was if waiting is not None else agent.lifecycle
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Agent.Lifecycle.REQUESTED)
        return _record(
            agent,
            Approval.Kind.SPAWN,
            actor,
            commit_ref=commit_ref,
            description=description,
            supersedes=supersede,
            agent_was=was,
            made_state=made,
        )


def apply_commit(
    name: str, commit_ref: str, *, actor: Actor, description: str = "", supersede: bool = False
) -> Approval:
    """Ask for a commit of the agent's proposed repository to be built and run.

    With `supersede` older requests of the same asker for this agent give way once this one is pinned.
    """
    _check_commit(commit_ref)
    agent = _existing(name)
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        raise RequestRefused(f"{name} has not been deployed yet: its spawn has to be approved first")
    _refuse_failed(agent, commit_ref, description)
    return _record(
        agent,
        Approval.Kind.APPLY_COMMIT,
        actor,
        commit_ref=commit_ref,
        description=description,
        supersedes=supersede,
    )


def destroy(name: str, *, actor: Actor, description: str = "") -> Approval:
    """Ask for an agent's container to be taken away; its state is kept. An operator's own destroy needs no asking."""
    agent = _existing(name)
    if agent.is_manager:
        raise RequestRefused(f"{name} is the manager: the hive cannot do without it")
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        raise RequestRefused(f"{name} has no container")
    with transaction.atomic():
        if Approval.objects.filter(agent=agent, kind=Approval.Kind.DESTROY, status=Approval.Status.PENDING).exists():
            raise RequestRefused(f"the end of {name} was asked for already: wait for the operator's decision")
        approval = _create(agent, Approval.Kind.DESTROY, actor, status=Approval.Status.PENDING, description=description)
        _asked(approval, actor)
    return approval


def schedule_prompt(name: str, plan: dict[str, object], *, actor: Actor, description: str = "") -> Approval:
    """Ask for a prompt to be sent to an agent again and again; `plan` is what the operator sees and decides on.

    What an operator asks for it has decided by that.
    """
    agent = _existing(name)
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        raise RequestRefused(f"{name} has no container: spawn it first")
    kind, pending = Approval.Kind.SCHEDULE_PROMPT, Approval.Status.PENDING
    with transaction.atomic():
        agent = locks.hold(agent)
        if Approval.objects.filter(kind=kind, status=pending, requested_by=str(actor)).count() >= _MAX_SCHEDULES:
            raise RequestRefused(f"{_MAX_SCHEDULES} schedules of yours wait for a decision: wait for the operator")
        approval = _create(agent, kind, actor, status=pending, description=description, options=plan)
        _asked(approval, actor)
        return decisions.approve(approval, actor=actor) if actor.kind == "operator" else approval


def update_inputs(*, actor: Actor, description: str = "") -> Approval:
    """Ask for newer shared inputs: the meta flake's lock, for all agents. The diff of the lock is shown."""
    manager = Agent.objects.select_related("deployment").filter(name=naming.MANAGER).first()
    if manager is None:
        raise RequestRefused("the hive has no manager yet: it is spawned at the first start")
    with transaction.atomic():
        open_ones = Approval.objects.filter(kind=Approval.Kind.UPDATE_INPUTS).exclude(status__in=transitions.FINAL)
        if (other := open_ones.first()) is not None:
            raise RequestRefused(f"an update is open already: approval {other.pk} is {other.status}")
        return _record(manager, Approval.Kind.UPDATE_INPUTS, actor, job="prepare_inputs", description=description)


def rollback(name: str, tag: str, *, reason: str, actor: Actor) -> Approval:
    """Put an earlier deploy back. It is decided by the operator who asks."""
    agent = _existing(name)
    if not reason.strip():
        raise RequestRefused("say why: a rollback needs a reason")
    if not tag.startswith("deployed/"):
        raise RequestRefused(f"{tag!r} is not a deploy: give a tag such as deployed/0")
    target = Tag.objects.filter(agent=agent, name=tag).first()
    if target is None:
        known = ", ".join(Tag.objects.filter(agent=agent, name__startswith="deployed/").values_list("name", flat=True))
        raise RequestRefused(f"{name} has no {tag}; it has {known or 'none yet'}")
    with transaction.atomic():
        agent = locks.hold(agent)
        approval = _create(
            agent,
            Approval.Kind.ROLLBACK,
            actor,
            status=Approval.Status.PENDING,
            commit=target.commit,
            tree=_tree_of(agent, target.commit),
            commit_ref=target.commit,
            lock_hash=inputs.approved_lock(),
            description=reason.strip(),
        )
        _asked(approval, actor)
        return decisions.approve(approval, actor=actor, note=reason.strip())


def await_pin(approval: Approval, seconds: float) -> Approval:
    """Wait until the request is pinned or has failed; returns the row as it is when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        fresh = Approval.objects.select_related("agent").get(pk=approval.pk)
        if fresh.status != Approval.Status.PINNING or time.monotonic() > deadline:
            return fresh
        time.sleep(_POLL)


def _spawn(name: str, *, actor: Actor, description: str) -> Approval:
    with transaction.atomic():
        agent, _ = Agent.objects.get_or_create(name=name, defaults={"lifecycle": Agent.Lifecycle.GONE})
        agent = locks.hold(agent)
        if agent.lifecycle == Agent.Lifecycle.LIVE:
            raise RequestRefused(f"{name} is there already: start or rebuild it")
        if agent.lifecycle == Agent.Lifecycle.REQUESTED:
            raise RequestRefused(f"{name} was asked for already: decide its approval")
        locks.alone("spawn")  # of two names that share a user id only one can be new
        refuse_shared_uid(name)
        made = agent.lifecycle == Agent.Lifecycle.GONE and not has_state(name)
        was = agent.lifecycle if made or agent.lifecycle != Agent.Lifecycle.GONE else Agent.Lifecycle.KEPT
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Agent.Lifecycle.REQUESTED)
        return _record(agent, Approval.Kind.SPAWN, actor, description=description, made_state=made, agent_was=was)


def has_state(name: str) -> bool:
    """Folders on disk count even where the database knows nothing of them: a refusal must not remove them."""
    paths = settings.HIVE_PATHS
    return any(folder.exists() for folder in (paths.agent(name), paths.applied(name), paths.shared / name))


def refuse_shared_uid(name: str) -> None:
    uid = naming.host_uid(name)
    for other in Agent.objects.exclude(name=name).exclude(lifecycle=Agent.Lifecycle.GONE):
        if naming.host_uid(other.name) == uid:
            raise RequestRefused(f"{name} would share its user id with {other.name}: choose another name")


def _record(agent: Agent, kind: str, actor: Actor, *, job: str = "pin", **fields: object) -> Approval:
    with transaction.atomic():
        agent = locks.hold(agent)
        approval = _create(agent, kind, actor, **fields)
        _asked(approval, actor)
        jobs.request(job, agent, actor=actor, approval_id=approval.pk)
    return approval


def _create(agent: Agent, kind: str, actor: Actor, **fields: object) -> Approval:
    description = str(fields.pop("description", ""))[:_MAX_DESCRIPTION]
    base = agent.deployment.commit if agent.deployment else ""
    given = {"description": description, "base_commit": base, "requested_by": str(actor), **fields}
    return Approval.objects.create(pk=_next_id(), agent=agent, kind=kind, **given)


def _asked(approval: Approval, actor: Actor) -> None:
    audit.record(
        f"{approval.kind} requested",
        actor=actor,
        agent=approval.agent.name,
        approval_id=approval.pk,
        to_status=approval.status,
        commit=approval.commit or approval.commit_ref,
        note=approval.description,
    )
    feed.publish("approvals", approval.pk)


def _check_commit(commit_ref: object) -> None:
    if not isinstance(commit_ref, str) or not _COMMIT.match(commit_ref):
        raise RequestRefused(f"{str(commit_ref)[:60]!r} is not a commit: give 7 to 40 hexadecimal digits")


def _refuse_failed(agent: Agent, commit_ref: str, description: str) -> None:
    """What failed fails again, unless somebody can say what is different now."""
    tag = failed_before(agent, commit_ref)
    if tag is not None and not description.strip():
        raise RequestRefused(
            f"this commit has failed before ({tag.name}): change it, or say in the description why it will work now"
        )


def failed_before(agent: Agent, commit_ref: str) -> Tag | None:
    """The newest failure of a commit of this agent."""
    failures = Tag.objects.filter(agent=agent, name__startswith="failed/", commit__startswith=commit_ref)
    return failures.order_by("-id").first() if commit_ref else None


def _waiting_spawn(agent: Agent) -> Approval | None:
    waiting = Approval.objects.filter(agent=agent, kind=Approval.Kind.SPAWN, status=Approval.Status.PENDING)
    return waiting.order_by("-pk").first()


def _tree_of(agent: Agent, commit: str) -> str:
    """The tree that was built from this commit; empty where the database never saw it."""
    trees = Deployment.objects.filter(agent=agent, commit=commit).values_list("tree", flat=True)
    return trees.first() or ""


def _next_id() -> int | None:
    """New ids exceed every id in git's tags: a restored database must not reuse one."""
    names = Tag.objects.values_list("name", flat=True)
    tagged = max((int(name.partition("/")[2] or 0) for name in names if name.partition("/")[2].isdecimal()), default=0)
    newest = Approval.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if tagged <= newest:
        return None
    if connection.vendor == "postgresql":  # a sequence does not see ids that it has not given out
        locks.alone("approval ids")
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(%s, GREATEST(%s, nextval(%s)))", [_SEQUENCE, tagged + 1, _SEQUENCE])
    return tagged + 1


def _existing(name: str) -> Agent:
    agent = Agent.objects.select_related("deployment").filter(name=naming.agent_name(name)).first()
    if agent is None or agent.lifecycle == Agent.Lifecycle.GONE:
        raise RequestRefused(f"there is no agent {name!r}")
    return agent


def waiting_job(approval: Approval) -> Job | None:
    """The newest job that works on this approval."""
    return Job.objects.filter(approval_id=approval.pk).order_by("-id").first()
