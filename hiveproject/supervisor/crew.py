"""The processes of a hive, with what each of them is given."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass

from agents.containers import privileged
from hiveproject import environment, privileges, roots
from hiveproject.supervisor.child import Program
from hiveproject.supervisor.plan import Plan

PASSWORD = "HYPERHIVE_OPERATOR_PASSWORD"  # noqa: S105 - the variable's name
_DATABASE = "DATABASE_URL"


@dataclass(frozen=True)
class Crew:
    """`helper` does what only root can do, for the worker and for whoever holds `knocking`."""

    web: Program | None
    worker: Program | None
    helper: Program | None
    knocking: socket.socket | None

    @property
    def programs(self) -> list[Program]:
        return [program for program in (self.helper, self.web, self.worker) if program is not None]


def muster(plan: Plan) -> Crew:
    """Say what is to be started for this plan; starts nothing."""
    env = {**variables(plan), privileges.PARENT: str(os.getpid())}
    helper = knocking = None
    worker_env, worker_fds = env, []
    if plan.worker and os.geteuid() == 0:
        knocking, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        helper = _helper(plan, answering.detach())
        worker_fds = [knocking.fileno()]
        worker_env = {**env, privileged.HELPER_FD: str(knocking.fileno())}
    return Crew(
        web=Program("web", privileges.management(["web"]), env) if plan.web else None,
        worker=Program("worker", privileges.management(["worker"]), worker_env, worker_fds) if plan.worker else None,
        helper=helper,
        knocking=knocking,
    )


def variables(plan: Plan) -> dict[str, str]:
    """The environment of every process: ours, without the operator's password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PASSWORD)}
    roots_named = {
        "HYPERHIVE_STATE_ROOT": str(plan.paths.state),
        "HYPERHIVE_RUNTIME_ROOT": str(plan.paths.runtime),
    }
    return {**kept, **roots_named, "PYTHONUNBUFFERED": "1"}


def _helper(plan: Plan, descriptor: int) -> Program:
    words = [sys.executable, "-m", "agents.containers.helper"]
    words += ["--state-root", str(plan.paths.state), "--runtime-root", str(plan.paths.runtime)]
    words += ["--user", roots.USER, "--fd", str(descriptor)]
    env = {name: value for name, value in variables(plan).items() if not name.startswith(_DATABASE)}
    return Program("helper", words, {**env, "PYTHONPATH": str(environment.REPOSITORY)}, [descriptor])
