"""Starting a shim and talking to it until the agent runs."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents
from agents import command
from agents.containers.protocol import ContainerFailed

START_SECONDS = 40.0
_EXIT_SECONDS = 10.0

Attach = Callable[[int], tuple[list[str], dict[str, Any]]]
"""Takes the container's first process, gives it a network; returns lines for the log and settings for the shim."""


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

    def line(self) -> bytes:
        exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in self.environment.items())
        plan = {
            **{key: value for key, value in vars(self).items() if key != "name"},
            "folder": str(self.folder),
            "log": str(self.log),
            "environment": exports,
            "launcher_environment": command.clean_environment(),
        }
        return json.dumps(plan).encode() + b"\n"


def launch(plan: Plan, attach: Attach) -> None:
    """Start the shim; return when the harness runs. Raises `ContainerFailed`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _start_shim(plan.name, theirs.fileno())
        theirs.close()
        ours.settimeout(START_SECONDS)
        try:
            _converse(plan, ours, attach)
        except (OSError, ValueError) as error:
            raise ContainerFailed(plan.name, f"its shim gave no answer ({error})") from error


def _start_shim(name: str, control_fd: int) -> None:
    words = [sys.executable, "-S", "-m", "agents.containers.shim", name, str(control_fd)]
    code = Path(agents.__file__).parent.parent
    environment = command.clean_environment(PYTHONPATH=str(code))
    with open(os.devnull, "wb") as null:
        shim = command.start(words, env=environment, stdout=null, stderr=null, pass_fds=(control_fd,), cwd="/")
    shim.wait(_EXIT_SECONDS)


def _converse(plan: Plan, control: socket.socket, attach: Attach) -> None:
    control.sendall(plan.line())
    with control.makefile("rb") as answers:
        init = int(_answer(plan, answers.readline())["init"])
        notes, settings = attach(init)
        control.sendall(json.dumps({"notes": notes, **settings}).encode() + b"\n")
        _answer(plan, answers.readline())


def _answer(plan: Plan, line: bytes) -> dict[str, Any]:
    if not line:
        raise ContainerFailed(plan.name, "its shim ended before the agent ran")
    message: dict[str, Any] = json.loads(line)
    if "failed" in message:
        raise ContainerFailed(plan.name, message["failed"])
    return message
