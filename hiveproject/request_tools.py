"""The manager's tools that ask for an approval, and the one that makes a draft to ask for later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from agents import actors
from agents.models import Job
from agents.naming import NameRefused
from approvals import decisions, drafts, requests
from approvals.models import Approval
from approvals.requests import RequestRefused
from broker import tools
from broker.refusals import ToolError
from broker.threads import in_thread
from broker.tools import Identity
from hiveproject import tail

PIN_SECONDS = 10.0
T = TypeVar("T")

_DESCRIPTION = {"type": "string", "maxLength": 20_000, "default": "", "description": "Why, for the operator."}
_COMMIT_REF = {"type": "string", "maxLength": 64, "description": "7 to 40 hexadecimal digits of the commit."}
_SUPERSEDE = {
    "type": "boolean",
    "default": False,
    "description": "Whether your older requests for the same agent, still waiting, give way to this one.",
}
_NAME = {"type": "string", "maxLength": 40, "description": "1 to 9 characters: a-z, then a-z, 0-9 or '-'."}
REQUEST_SPAWN = {
    "description": (
        "Ask the operator for a new agent. Its first agent.nix is written at once, so that the approval shows it; the "
        "agent runs after the operator has approved. Returns the approval's id, status and commit as JSON; the "
        "decision arrives later as a message of kind approval_resolved."
    ),
    "required": ["name"],
    "properties": {
        "name": _NAME,
        "description": _DESCRIPTION,
    },
}
REQUEST_SPAWN_DRAFT = {
    "description": (
        "Make the configuration repository (/agents/NAME/config) and the notes folder of a new agent, without a "
        "container and without asking anybody. Commit its configuration there, then call request_spawn_commit. You "
        "are restarted after this turn, so that you see the folders. Returns where they are as JSON."
    ),
    "required": ["name"],
    "properties": {"name": _NAME},
}
REQUEST_SPAWN_COMMIT = {
    "description": (
        "Ask the operator to spawn an agent from a commit that you made in its draft (request_spawn_draft), or in the "
        "kept repository of a destroyed agent. Returns the approval's id, status and full commit as JSON; the decision "
        "arrives later as a message."
    ),
    "required": ["name", "commit_ref"],
    "properties": {
        "name": _NAME,
        "commit_ref": _COMMIT_REF,
        "description": _DESCRIPTION,
        "supersede": _SUPERSEDE,
    },
}
REQUEST_DESTROY = {
    "description": (
        "Ask the operator to take an agent's container away. Its notes, credentials and repositories are kept. Returns "
        "the approval's id and status as JSON; the decision arrives later as a message."
    ),
    "required": ["agent"],
    "properties": {
        "agent": {"type": "string", "maxLength": 40, "description": "Whose container it is."},
        "description": _DESCRIPTION,
    },
}
REQUEST_UPDATE_INPUTS = {
    "description": (
        "Ask the operator for newer shared inputs (the lock of the flake that all agents are built from). The operator "
        "sees what would change in the lock. Returns the approval's id and status as JSON; the decision arrives later "
        "as a message."
    ),
    "properties": {"description": _DESCRIPTION},
}
REQUEST_APPLY_COMMIT = {
    "description": (
        "Ask the operator to build and run a commit that you made in an agent's configuration repository "
        "(/agents/NAME/config). The commit is fetched and evaluated now: what does not evaluate is refused here with "
        "the evaluator's message. Changing the repository afterwards changes nothing of the request. Returns the "
        "approval's id, status and full commit as JSON; the decision arrives later as a message."
    ),
    "required": ["agent", "commit_ref"],
    "properties": {
        "agent": {"type": "string", "maxLength": 40, "description": "Whose configuration it is."},
        "commit_ref": _COMMIT_REF,
        "description": _DESCRIPTION,
        "supersede": _SUPERSEDE,
    },
}


def register() -> None:
    for name, schema, function in (
        ("request_spawn", REQUEST_SPAWN, request_spawn),
        ("request_spawn_draft", REQUEST_SPAWN_DRAFT, request_spawn_draft),
        ("request_spawn_commit", REQUEST_SPAWN_COMMIT, request_spawn_commit),
        ("request_apply_commit", REQUEST_APPLY_COMMIT, request_apply_commit),
        ("request_destroy", REQUEST_DESTROY, request_destroy),
        ("request_update_inputs", REQUEST_UPDATE_INPUTS, request_update_inputs),
    ):
        tools.register(name, schema, function, manager_only=True)


async def request_spawn(identity: Identity, args: dict[str, Any]) -> object:
    actor = actors.agent(identity.agent)
    return await _asked(partial(requests.spawn, args["name"], actor=actor, description=args["description"]))


async def request_spawn_draft(identity: Identity, args: dict[str, Any]) -> object:
    job = await _recorded(partial(drafts.make, args["name"], actor=actors.agent(identity.agent)))
    job = await _over(job)
    if job.status == Job.Status.FAILED:
        raise ToolError(f"the draft could not be made: {job.error}")
    folder = f"/agents/{job.agent.name}"
    made = job.status == Job.Status.DONE
    return {"draft": job.agent.name, "made": made, "config": f"{folder}/config", "notes": f"{folder}/state"}


async def request_spawn_commit(identity: Identity, args: dict[str, Any]) -> object:
    return await _asked(partial(requests.spawn_commit, actor=actors.agent(identity.agent), **args))


async def request_apply_commit(identity: Identity, args: dict[str, Any]) -> object:
    name, actor = args.pop("agent"), actors.agent(identity.agent)
    return await _asked(partial(requests.apply_commit, name, actor=actor, **args))


async def request_destroy(identity: Identity, args: dict[str, Any]) -> object:
    actor = actors.agent(identity.agent)
    return await _asked(partial(requests.destroy, args["agent"], actor=actor, description=args["description"]))


async def request_update_inputs(identity: Identity, args: dict[str, Any]) -> object:
    return await _asked(partial(requests.update_inputs, actor=actors.agent(identity.agent), **args))


async def _asked(ask: Callable[[], Approval]) -> dict[str, object]:
    approval = await _pinned(await _recorded(ask))
    if approval.status == Approval.Status.FAILED:
        raise ToolError(f"approval {approval.pk} failed: {approval.note}")
    told: dict[str, object] = {
        "approval": approval.pk,
        "status": approval.status,
        "commit": approval.commit or None,
    }
    older = await in_thread(lambda: list(decisions.older(approval).values_list("pk", flat=True)))
    return {**told, "older_requests_waiting": older} if older else told


async def _recorded(ask: Callable[[], T]) -> T:
    try:
        return await in_thread(ask)
    except (RequestRefused, NameRefused) as refusal:
        raise ToolError(str(refusal)) from refusal


async def _over(job: Job) -> Job:
    """The job once it has ended; as it is when the time is up."""
    known = Job.objects.select_related("agent")
    with tail.current().watch("jobs", job.pk) as changed:
        try:
            async with asyncio.timeout(PIN_SECONDS):
                while not (fresh := await in_thread(known.get, pk=job.pk)).is_over:
                    await changed.wait()
                    changed.clear()
                return fresh
        except TimeoutError:
            return await in_thread(known.get, pk=job.pk)


async def _pinned(approval: Approval) -> Approval:
    """The approval once a worker has pinned it or has failed to; as it is when the time is up."""
    with tail.current().watch("approvals", approval.pk) as changed:
        try:
            async with asyncio.timeout(PIN_SECONDS):
                while (
                    fresh := await in_thread(Approval.objects.get, pk=approval.pk)
                ).status == Approval.Status.PINNING:
                    await changed.wait()
                    changed.clear()
                return fresh
        except TimeoutError:
            return await in_thread(Approval.objects.get, pk=approval.pk)
