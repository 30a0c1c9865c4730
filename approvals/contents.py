"""The files of a commit as the pages show them: from what was remembered at pin, never from git."""

from __future__ import annotations

from agents import configuration, feed, jobs
from agents.actors import Actor
from agents.jobs import Kind, Run
from agents.models import Agent, Job
from approvals.models import Approval, ApprovalContent, CommitFiles

Files = dict[str, str | None]


def register_jobs() -> None:
    jobs.register("remember", Kind(_remember, Job.Lane.REPOSITORY))


def at(agent: Agent, commit: str) -> Files | None:
    """The files of a commit that was once pinned for this agent; None when nobody has read them yet."""
    if not commit:
        return None
    pinned = ApprovalContent.objects.filter(approval__agent=agent, approval__commit=commit)
    content = pinned.order_by("-approval_id").first()
    if content is not None:
        after: Files = content.after
        return after
    read = CommitFiles.objects.filter(agent=agent, commit=commit).first()
    return read.files if read is not None else None


def request(agent: Agent, commit: str, *, actor: Actor) -> Job:
    """Have a worker read a commit's files from git, where `at` knows none. The topic `approvals` tells when."""
    return jobs.request("remember", agent, actor=actor, options={"commit": commit})


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
    if content is not None and approval.kind == Approval.Kind.UPDATE_INPUTS:
        return content.before, after
    deployment = approval.agent.deployment
    base = deployment.commit if approval.is_pending and deployment is not None else approval.base_commit
    before = at(approval.agent, base)
    if before is None:
        before = content.before if content is not None else {}
    return before, after


def texts(files: dict[str, bytes | None]) -> Files:
    """Files as git has them, as text for a page."""
    return {path: None if data is None else data.decode(errors="replace") for path, data in files.items()}


def remember(agent: Agent, commit: str) -> None:
    """Read a commit's files unless they are known. In a worker only: it runs git."""
    if not commit or at(agent, commit) is not None:
        return
    files = texts(configuration.applied(agent.name).files(commit))
    CommitFiles.objects.update_or_create(agent=agent, commit=commit, defaults={"files": files})
    feed.publish("approvals")


def _remember(run: Run) -> None:
    commit = str(run.job.options["commit"])
    remember(run.agent, commit)
    run.log(f"The files of {commit[:12]} can be shown.")
