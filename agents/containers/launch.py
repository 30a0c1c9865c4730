"""Starting a shim and talking to it until the agent runs."""

from __future__ import annotations

import json
import marshal
import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import agents
from agents import command
from agents.containers.protocol import ContainerFailed

if TYPE_CHECKING:
    from subprocess import Popen  # noqa: TID251  # only its name

START_SECONDS = 40.0

Attach = Callable[[int], tuple[list[str], dict[str, Any]]]
"""Takes the container's first process, gives it a network; returns lines for the log and settings for the shim."""
Network = AbstractContextManager[Attach]
"""Entering it prepares what can be prepared while the sandbox is being made."""


@dataclass(frozen=True)
class Plan:
    """Everything a shim needs to know; it derives nothing by itself."""

    name: str
    folder: Path
    log: Path
    log_owner: tuple[int, int]
    log_limit: int
    argv: Sequence[str]
    command: Sequence[str]
    environment: Mapping[str, str]
    cgroup: Mapping[str, str]
    rlimits: Mapping[str, int]
    nice: int
    notes: Sequence[str]
    screen: Mapping[str, Any] | None = None

    def packed(self) -> bytes:
        exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in self.environment.items())
        plan = {
            **{key: _plain(value) for key, value in vars(self).items()},
            "environment": exports,
            "launcher_environment": command.clean_environment(),
        }
        return marshal.dumps(plan)


def _plain(value: Any) -> Any:
    """Only what marshal knows."""
    if isinstance(value, Path):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else value


def launch(name: str, make_plan: Callable[[], Plan], network: Network) -> None:
    """Start the shim; return when the harness runs. Raises `ContainerFailed`, and what `make_plan` raises.

    The plan is made, and the network prepared, while the shim comes up.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        starter = _start_shim(name, theirs.fileno())
        theirs.close()
        ours.settimeout(START_SECONDS)
        try:
            _converse(make_plan(), ours, network)
        except ConnectionError as error:
            raise ContainerFailed(name, "its shim ended before the agent ran") from error
        finally:
            ours.close()
            starter.wait()  # it had only to fork


def _start_shim(name: str, control_fd: int) -> Popen[bytes]:
    words = [sys.executable, "-S", "-m", "agents.containers.shim", name, str(control_fd)]
    code = Path(agents.__file__).parent.parent
    environment = command.clean_environment(PYTHONPATH=str(code))
    with open(os.devnull, "wb") as null:
        return command.start(words, env=environment, stdout=null, stderr=null, pass_fds=(control_fd,), cwd="/")


def _converse(plan: Plan, control: socket.socket, network: Network) -> None:
    control.sendall(plan.packed())
    with control.makefile("rb") as answers:
        with network as attach:
            init = int(_answer(plan, answers)["init"])
            notes, settings = attach(init)
        control.sendall(json.dumps({"notes": notes, **settings}).encode() + b"\n")
        _answer(plan, answers)


def _answer(plan: Plan, answers: IO[bytes]) -> dict[str, Any]:
    try:
        line = answers.readline()
    except TimeoutError as error:
        raise ContainerFailed(plan.name, f"its shim said nothing for {START_SECONDS:.0f} s") from error
    if not line:
        raise ContainerFailed(plan.name, "its shim ended before the agent ran")
    message: dict[str, Any] = json.loads(line)
    if "failed" in message:
        raise ContainerFailed(plan.name, message["failed"])
    return message
