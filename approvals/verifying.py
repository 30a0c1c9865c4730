"""Is what was approved still what would run? Asked when the job is claimed and once more just before the switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import configuration
from agents.jobs import JobFailed
from agents.models import Agent, Deployment
from agents.repositories.applied import Applied, PredatesTags
from agents.repositories.git import GitFailed
from approvals import inputs
from approvals.models import Approval


class Superseded(Exception):
    """What was approved is not what would run; the text tells the difference."""


def verify(approval: Approval, options: Mapping[str, Any] | None = None) -> None:
    """Compare everything the decision is bound to with what is there now; `options` once they are evaluated.

    Raises `Superseded`, and `JobFailed` for a repository that no approval can be built from.
    """
    repository = configuration.applied(approval.agent.name)
    try:
        repository.require_baseline()
    except PredatesTags as refusal:
        raise JobFailed(str(refusal)) from refusal
    _verify_generation(approval)
    _verify_commit(repository, approval)
    verify_lock(approval.lock_hash)
    if options is not None and approval.kind != Approval.Kind.ROLLBACK:
        _verify_options(approval.options, options)


def verify_lock(approved: str) -> None:
    """The meta flake's lock is the one that was shown. Raises `Superseded`."""
    if approved and inputs.lock_hash(configuration.meta_lock()) != approved:
        raise Superseded(f"The shared inputs ({inputs.LOCK}) are others than those it was shown with.")


def _verify_generation(approval: Approval) -> None:
    runs = Agent.objects.values_list("deployment_id", flat=True).get(pk=approval.agent_id)
    if runs != approval.decided_on:
        raise Superseded(
            f"Another deploy ran by the time this was built: {_tag(runs)} instead of {_tag(approval.decided_on)}."
        )


def _verify_commit(repository: Applied, approval: Approval) -> None:
    try:
        tree = repository.tree_of(approval.commit)
    except GitFailed:
        raise Superseded(f"The commit {approval.commit[:12]} is not in the repository any more.") from None
    if approval.tree and tree != approval.tree:
        raise Superseded(
            f"Commit {approval.commit[:12]} holds the tree {tree[:12]}, {approval.tree[:12]} was approved."
        )
    pinned = repository.tags().get(f"proposal/{approval.pk}")
    if pinned is not None and pinned.commit != approval.commit:
        raise Superseded(f"What was proposed is {pinned.commit[:12]}, {approval.commit[:12]} was approved.")


def _verify_options(approved: Mapping[str, Any], evaluated: Mapping[str, Any]) -> None:
    names = sorted({*approved, *evaluated})
    other = [name for name in names if approved.get(name) != evaluated.get(name)]
    if other:
        raise Superseded(f"agent.nix evaluates to other options than those that were shown: {', '.join(other)}.")


def _tag(deployment_id: int | None) -> str:
    deployment = Deployment.objects.filter(pk=deployment_id).first() if deployment_id else None
    return deployment.tag if deployment is not None else "nothing"
