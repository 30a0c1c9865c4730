"""Asking for a change. A request only records the intent; a worker then pins what was asked for."""

from __future__ import annotations

import re
import time

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from agents import feed, jobs, locks, naming
from agents.actors import Actor
from agents.models import Agent, Job
from approvals import audit, decisions
from approvals.models import Approval, Tag

_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")
_MAX_DESCRIPTION = 20_000
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


def apply_commit(name: str, commit_ref: str, *, actor: Actor, description: str = "") -> Approval:
    """Ask for a commit of the agent's proposed repository to be built and run."""
    if not isinstance(commit_ref, str) or not _COMMIT.match(commit_ref):
        raise RequestRefused(f"{str(commit_ref)[:60]!r} is not a commit: give 7 to 40 hexadecimal digits")
    agent = _existing(name)
    if agent.lifecycle != Agent.Lifecycle.LIVE:
        raise RequestRefused(f"{name} has not been deployed yet: its spawn has to be approved first")
    return _record(agent, Approval.Kind.APPLY_COMMIT, actor, commit_ref=commit_ref, description=description)


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
        approval = Approval.objects.create(
            agent=agent,
            kind=Approval.Kind.ROLLBACK,
            status=Approval.Status.PENDING,
            commit=target.commit,
            commit_ref=target.commit,
            base_commit=agent.deployment.commit if agent.deployment else "",
            description=reason.strip()[:_MAX_DESCRIPTION],
            requested_by=str(actor),
            pk=_next_id(),
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
        _refuse_shared_uid(name)
        kept = agent.lifecycle == Agent.Lifecycle.KEPT or _has_state(name)
        Agent.objects.filter(pk=agent.pk).update(lifecycle=Agent.Lifecycle.REQUESTED)
        return _record(agent, Approval.Kind.SPAWN, actor, description=description, made_state=not kept)


def _has_state(name: str) -> bool:
    """Folders on disk count even where the database knows nothing of them: a refusal must not remove them."""
    paths = settings.HIVE_PATHS
    return any(folder.exists() for folder in (paths.agent(name), paths.applied(name), paths.shared / name))


def _refuse_shared_uid(name: str) -> None:
    uid = naming.host_uid(name)
    for other in Agent.objects.exclude(name=name).exclude(lifecycle=Agent.Lifecycle.GONE):
        if naming.host_uid(other.name) == uid:
            raise RequestRefused(f"{name} would share its user id with {other.name}: choose another name")


def _record(agent: Agent, kind: str, actor: Actor, **fields: object) -> Approval:
    description = str(fields.pop("description", ""))[:_MAX_DESCRIPTION]
    with transaction.atomic():
        agent = locks.hold(agent)
        approval = Approval.objects.create(
            pk=_next_id(),
            agent=agent,
            kind=kind,
            description=description,
            base_commit=agent.deployment.commit if agent.deployment else "",
            requested_by=str(actor),
            **fields,
        )
        _asked(approval, actor)
        jobs.request("pin", agent, actor=actor, approval_id=approval.pk)
    return approval


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
