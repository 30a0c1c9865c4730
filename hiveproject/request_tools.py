"""The manager's tools that ask for an approval: request_spawn, request_apply_commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from agents import actors
from agents.naming import NameRefused
from approvals import requests
from approvals.models import Approval
from approvals.requests import RequestRefused
from broker import tools
from broker.refusals import ToolError
from broker.threads import in_thread
from broker.tools import Identity
from hiveproject import tail

PIN_SECONDS = 10.0

_DESCRIPTION = {"type": "string", "maxLength": 20_000, "default": "", "description": "Why, for the operator."}
REQUEST_SPAWN = {
    "description": (
        "Ask the operator for a new agent. Its first agent.nix is written at once, so that the approval shows it; the "
        "agent runs after the operator has approved. Returns the approval's id, status and commit as JSON; the "
        "decision arrives later as a message of kind approval_resolved."
    ),
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 40, "description": "1 to 9 characters: a-z, then a-z, 0-9 or '-'."},
        "description": _DESCRIPTION,
    },
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
        "commit_ref": {"type": "string", "maxLength": 64, "description": "7 to 40 hexadecimal digits of the commit."},
        "description": _DESCRIPTION,
    },
}


def register() -> None:
    tools.register("request_spawn", REQUEST_SPAWN, request_spawn, manager_only=True)
    tools.register("request_apply_commit", REQUEST_APPLY_COMMIT, request_apply_commit, manager_only=True)


async def request_spawn(identity: Identity, args: dict[str, Any]) -> object:
    actor = actors.agent(identity.agent)
    return await _asked(partial(requests.spawn, args["name"], actor=actor, description=args["description"]))


async def request_apply_commit(identity: Identity, args: dict[str, Any]) -> object:
    actor = actors.agent(identity.agent)
    ask = partial(
        requests.apply_commit, args["agent"], args["commit_ref"], actor=actor, description=args["description"]
    )
    return await _asked(ask)


async def _asked(ask: Callable[[], Approval]) -> dict[str, object]:
    try:
        approval = await in_thread(ask)
    except (RequestRefused, NameRefused) as refusal:
        raise ToolError(str(refusal)) from refusal
    approval = await _pinned(approval)
    if approval.status == Approval.Status.FAILED:
        raise ToolError(f"approval {approval.pk} failed: {approval.note}")
    return {"approval": approval.pk, "status": approval.status, "commit": approval.commit or None}


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
