"""The closed table of what the privileged side does. Each verb checks its arguments and derives every path itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.command import CommandFailed
from agents.containers.engine import LocalContainers
from agents.containers.folders import FolderRefused, Owners
from agents.containers.protocol import (
    MAX_CHILDREN,
    ContainerFailed,
    ContainerSpec,
    SpecRefused,
    VerbFailed,
    VerbRefused,
)
from agents.naming import NameRefused, agent_name
from agents.paths import Paths
from agents.repositories import proposed

MAX_TEXT = 1024 * 1024
MAX_GRACE = 120.0


@dataclass(frozen=True)
class Context:
    """Whose hive it is, and where a verb's bulk output goes."""

    paths: Paths
    owners: Owners
    out_fd: int | None = None

    @property
    def containers(self) -> LocalContainers:
        return LocalContainers(self.paths, self.owners)


def perform(context: Context, verb: str, arguments: Mapping[str, Any]) -> Any:
    """Do one verb. Raises `VerbRefused` before anything was changed, `VerbFailed` after it was tried."""
    action = VERBS.get(verb)
    if action is None:
        raise VerbRefused(f"{verb!r} is not a verb of the privileged side")
    wanted = list(inspect.signature(action).parameters)[1:]
    if sorted(arguments) != sorted(wanted):
        raise VerbRefused(f"{verb} takes exactly: {', '.join(wanted) or 'nothing'}")
    try:
        return action(context, **arguments)
    except (NameRefused, SpecRefused) as error:
        raise VerbRefused(str(error)) from error
    except ContainerFailed as error:
        raise VerbFailed(error.text, error.log) from error
    except proposed.RepositoryUnreadable as error:
        raise VerbFailed(str(error), retryable=error.retryable) from error
    except (FolderRefused, CommandFailed, OSError, ValueError) as error:
        raise VerbFailed(f"{verb}: {error}") from error


def _prepare(context: Context, name: Any) -> None:
    context.containers.create(agent_name(name))


def _start(context: Context, spec: Any) -> None:
    context.containers.start(ContainerSpec.from_json(spec))


def _stop(context: Context, name: Any, grace: Any) -> None:
    if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= MAX_GRACE:
        raise VerbRefused(f"grace must be a number of seconds from 0 to {MAX_GRACE:.0f}")
    context.containers.stop(agent_name(name), float(grace))


def _drain(context: Context, name: Any) -> None:
    context.containers.drain(agent_name(name))


def _freeze(context: Context, name: Any) -> None:
    context.containers.freeze(agent_name(name))


def _thaw(context: Context, name: Any) -> None:
    context.containers.thaw(agent_name(name))


def _hold(context: Context, names: Any, frozen: Any) -> dict[str, str]:
    if not isinstance(names, list) or len(names) > MAX_CHILDREN or not isinstance(frozen, bool):
        raise VerbRefused(f"hold takes a list of at most {MAX_CHILDREN} names, and true or false")
    return context.containers.hold([agent_name(name) for name in names], frozen=frozen)


def _destroy(context: Context, name: Any) -> None:
    context.containers.destroy(agent_name(name))


def _purge(context: Context, name: Any) -> None:
    context.containers.purge(agent_name(name))


def _seed_proposed(context: Context, name: Any, text: Any) -> str:
    return proposed.seed_proposed(context.paths, agent_name(name), _text("text", text))


def _head_commit(context: Context, name: Any) -> str:
    return proposed.head_commit(context.paths, agent_name(name))


def _emit_objects(context: Context, name: Any, commit_ref: Any) -> None:
    if context.out_fd is None:
        raise VerbRefused("emit_objects needs a descriptor to write to")
    proposed.emit_objects(context.paths, agent_name(name), _text("commit_ref", commit_ref), context.out_fd)


def _evaluate(context: Context, job_id: Any) -> str:
    if isinstance(job_id, bool) or not isinstance(job_id, int) or not 0 < job_id < 1 << 63:
        raise VerbRefused("job_id must be the number of a job")
    from agents.nixconfig.evaluate import evaluate_tree

    return str(evaluate_tree(context.paths, job_id))


def _text(label: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or len(value) > MAX_TEXT:
        raise VerbRefused(f"{label} must be a text of at most {MAX_TEXT} characters without NUL")
    return value


VERBS: Mapping[str, Callable[..., Any]] = {
    "prepare": _prepare,
    "start": _start,
    "stop": _stop,
    "drain": _drain,
    "freeze": _freeze,
    "thaw": _thaw,
    "hold": _hold,
    "destroy": _destroy,
    "purge": _purge,
    "seed_proposed": _seed_proposed,
    "head_commit": _head_commit,
    "emit_objects": _emit_objects,
    "evaluate": _evaluate,
}
