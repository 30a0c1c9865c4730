"""What a change is compared with: what runs, what was approved last, what was proposed before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from agents.models import Agent, Deployment
from approvals import contents
from approvals.contents import Files
from approvals.models import Approval, Tag

RUNNING, APPROVED, QUEUED = BASES = ("running", "approved", "queued")
Status = Approval.Status
_CONFIGURING = (Approval.Kind.SPAWN, Approval.Kind.APPLY_COMMIT, Approval.Kind.ROLLBACK)
_PROPOSING = _CONFIGURING[:2]


@dataclass(frozen=True)
class Base:
    """One side to compare with; `name` is one of `BASES`.

    `commit` is empty where nothing ran. `files` is None while they are not stored: have a worker read them with
    `contents.request`, the page learns of it by the topic `approvals`. `options` is None where nobody knows them.
    """

    name: str
    commit: str
    approval_id: int | None
    files: Files | None
    options: Mapping[str, Any] | None


def known(approval: Approval) -> list[Base]:
    """Every base that this approval can be compared with, in the order of `BASES`."""
    found = (of(approval, name) for name in BASES)
    return [base for base in found if base is not None]


def of(approval: Approval, name: str) -> Base | None:
    """One base; None where there is none of this name."""
    if approval.kind == Approval.Kind.UPDATE_INPUTS:
        return _inputs(approval) if name == RUNNING else None
    if name == RUNNING:
        return _running(approval)
    finder = {APPROVED: _approved, QUEUED: _queued}.get(name)
    other = finder(approval).first() if finder is not None else None
    if other is None:
        return None
    files = contents.at(approval.agent, other.commit)
    return Base(name, other.commit, other.pk, files, other.options or None)


def rollback(agent: Agent, tag: str) -> tuple[Base, Base] | None:
    """(what runs, what would run) if `tag` were put back; None when the agent has no such deploy."""
    target = Tag.objects.filter(agent=agent, name=tag).first() if tag.startswith("deployed/") else None
    if target is None:
        return None
    then = Deployment.objects.filter(agent=agent, commit=target.commit).first()
    number = int(tag.partition("/")[2])
    return _deployed(agent, agent.deployment), Base(
        tag, target.commit, number or None, contents.at(agent, target.commit), then.options if then else None
    )


def _running(approval: Approval) -> Base:
    """What runs now; once decided, what ran at the decision."""
    agent = approval.agent
    if approval.status in (Status.PINNING, Status.PENDING):
        return _deployed(agent, agent.deployment)
    ran = Deployment.objects.filter(pk=approval.decided_on).first() if approval.decided_on else None
    if ran is not None or not approval.base_commit:
        return _deployed(agent, ran)
    return Base(RUNNING, approval.base_commit, None, contents.at(agent, approval.base_commit), None)


def _deployed(agent: Agent, deployment: Deployment | None) -> Base:
    if deployment is None:
        return Base(RUNNING, "", None, {}, None)
    files = contents.at(agent, deployment.commit)
    return Base(RUNNING, deployment.commit, deployment.approval_id, files, deployment.options)


def _approved(approval: Approval) -> QuerySet[Approval]:
    """What a person has approved, newest first; those that came to nothing afterwards too."""
    said_yes = Q(status__in=(Status.APPROVED, Status.BUILDING, Status.DEPLOYED)) | Q(
        status__in=(Status.FAILED, Status.SUPERSEDED), decided_at__isnull=False
    )
    others = Approval.objects.filter(said_yes, agent=approval.agent, kind__in=_CONFIGURING).exclude(pk=approval.pk)
    if approval.decided_at is not None:
        others = others.filter(decided_at__lt=approval.decided_at)
    return others.order_by("-decided_at", "-pk")


def _queued(approval: Approval) -> QuerySet[Approval]:
    """Proposals that came before this one and could be looked at, newest first, whatever became of them."""
    asked = Approval.objects.filter(agent=approval.agent, kind__in=_PROPOSING, pk__lt=approval.pk)
    return asked.filter(content__isnull=False).order_by("-pk")


def _inputs(approval: Approval) -> Base | None:
    sides = contents.sides(approval)
    return Base(RUNNING, approval.base_commit, None, sides[0], None) if sides is not None else None
