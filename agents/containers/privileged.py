"""What needs more privilege than web and worker have: asked of the root helper, or done here when there is none."""

from __future__ import annotations

import os
import select
import socket
from functools import cache
from pathlib import Path
from typing import Any

from agents import interruption
from agents.containers import wire
from agents.containers.folders import Owners
from agents.containers.protocol import VerbFailed, VerbRefused
from agents.naming import host_uid
from agents.paths import Paths

__all__ = ["VerbFailed", "VerbRefused", "agent_uid", "call", "has_helper", "use"]

HELPER_FD = "HYPERHIVE_HELPER_FD"
_LONG = 3600.0
_paths: list[Paths] = []


def use(paths: Paths) -> None:
    """Say which hive this process belongs to; otherwise HYPERHIVE_STATE_ROOT and HYPERHIVE_RUNTIME_ROOT say it."""
    _paths[:] = [paths]


def has_helper() -> bool:
    return HELPER_FD in os.environ


def agent_uid(name: str) -> int:
    """The user id on this host that the agent's programs run as."""
    return host_uid(name) if has_helper() or os.geteuid() == 0 else os.geteuid()


def call(verb: str, *, out_fd: int | None = None, **arguments: Any) -> Any:
    """Do one verb of `agents.containers.verbs`; bulk output goes to `out_fd`.

    Raises `VerbRefused` (nothing was changed) or `VerbFailed`.
    """
    return call_for(None, verb, out_fd=out_fd, **arguments)


def call_for(paths: Paths | None, verb: str, *, out_fd: int | None = None, **arguments: Any) -> Any:
    """Like `call`, for the hive at `paths`; the helper knows its own and ignores it."""
    if has_helper():
        return _asked(verb, out_fd, arguments)
    from agents.containers import verbs  # with a helper this process needs none of it

    context = verbs.Context(paths or _known_paths(), Owners.this_process(), out_fd)
    return verbs.perform(context, verb, arguments)


def _asked(verb: str, out_fd: int | None, arguments: dict[str, Any]) -> Any:
    ours, theirs = socket.socketpair()
    try:
        with ours:
            with theirs:
                wire.knock(_helper(int(os.environ[HELPER_FD])), theirs, out_fd)
            wire.send(ours, {"verb": verb, "arguments": arguments})
            _await_answer(ours)
            answer = wire.receive(ours, wire.MAX_ANSWER)
    except wire.WireError as error:
        raise VerbFailed(f"{verb}: {error}") from error
    if "refused" in answer:
        raise VerbRefused(answer["refused"])
    if "failed" in answer:
        raise VerbFailed(answer["failed"], answer["log"], retryable=answer["retryable"])
    return answer["done"]


def _await_answer(stream: socket.socket) -> None:
    """Wait for the answer, unless the work is called off: then the helper finishes for nobody."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    while not poll.poll(1000 * interruption.patience(_LONG)):
        interruption.check()


@cache
def _helper(fd: int) -> socket.socket:
    return socket.socket(fileno=fd)


def _known_paths() -> Paths:
    if _paths:
        return _paths[0]
    state, runtime = os.environ.get("HYPERHIVE_STATE_ROOT"), os.environ.get("HYPERHIVE_RUNTIME_ROOT")
    if not state or not runtime:
        raise VerbRefused("no hive is known here: set HYPERHIVE_STATE_ROOT and HYPERHIVE_RUNTIME_ROOT")
    return Paths(Path(state), Path(runtime))
