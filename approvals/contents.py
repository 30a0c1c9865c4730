"""The files of a commit as the pages show them: from what was remembered at pin, never from git."""

from __future__ import annotations

from agents.models import Agent
from approvals.models import Approval, ApprovalContent

Files = dict[str, str | None]


def at(agent: Agent, commit: str) -> Files | None:
    """The files of a commit that was once pinned for this agent; None when it never was."""
    remembered = ApprovalContent.objects.filter(approval__agent=agent, approval__commit=commit)
    content = remembered.order_by("-approval_id").first() if commit else None
    return content.after if content is not None else None


def applied_file(agent: Agent, path: str = "agent.nix") -> str | None:
    """A file of what is deployed now; None when nothing is, or the file is not there or is no text."""
    files = at(agent, agent.deployment.commit) if agent.deployment is not None else None
    return (files or {}).get(path)


def sides(approval: Approval) -> tuple[Files, Files] | None:
    """(before, after) of an approval; None when its commit's files were never kept.

    While it waits, `before` is what runs now; once decided, what ran when it was asked for.
    """
    content = ApprovalContent.objects.filter(approval=approval).first()
    after = content.after if content is not None else at(approval.agent, approval.commit)
    if after is None:
        return None
    deployment = approval.agent.deployment
    base = deployment.commit if approval.is_pending and deployment is not None else approval.base_commit
    before = at(approval.agent, base)
    if before is None:
        before = content.before if content is not None else {}
    return before, after
