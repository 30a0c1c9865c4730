"""Where the hive keeps things: every path is derived from two roots and a checked name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agents.naming import agent_name


@dataclass(frozen=True)
class Paths:
    """The hive's folders.

    `state` survives everything; `runtime` survives restarts of the hive but not of the machine.
    """

    state: Path
    runtime: Path

    def agent(self, name: str) -> Path:
        return self.state / "agents" / agent_name(name)

    def proposed(self, name: str) -> Path:
        """The repository that the manager edits; at `/agents/<name>/config` inside."""
        return self.agent(name) / "proposed"

    def credentials(self, name: str) -> Path:
        """The agent's `.claude`; nobody else ever sees it."""
        return self.agent(name) / "claude"

    def secrets(self, name: str) -> Path:
        """What the operator has set for this agent alone; at `/run/secrets` inside, where it can only be read."""
        return self.agent(name) / "secrets"

    def notes(self, name: str) -> Path:
        """The agent's durable notes; at `/agents/<name>/state` inside."""
        return self.agent(name) / "state"

    def applied(self, name: str) -> Path:
        """The host's own repository of what was approved; no container sees it."""
        return self.state / "applied" / agent_name(name)

    @property
    def meta(self) -> Path:
        """The flake that holds every agent."""
        return self.state / "meta"

    @property
    def shared(self) -> Path:
        """Mounted at `/shared` everywhere; each agent writes only its own folder below it."""
        return self.state / "shared"

    @property
    def database(self) -> Path:
        return self.state / "hive.sqlite"

    @property
    def queue(self) -> Path:
        """Huey's queue: only pokes, the rows in `database` are the truth."""
        return self.state / "queue.sqlite"

    def container_log(self, name: str) -> Path:
        return self.state / "logs" / f"{agent_name(name)}.log"

    def recordings(self, name: str) -> Path:
        """Screens and terminals of this agent that were recorded; the hive's own, no container sees them."""
        return self.state / "recordings" / agent_name(name)

    def job(self, job_id: int) -> Path:
        """Scratch folder of one job: exported trees, quarantined objects."""
        return self.state / "jobs" / str(int(job_id))

    def agent_lock(self, name: str, lane: str) -> Path:
        """Held by whoever works on this agent; commands that it starts inherit it."""
        return self.runtime / "_locks" / f"{agent_name(name)}.{lane}"

    def agent_runtime(self, name: str) -> Path:
        """Mounted at `/run/hive` inside. The host owns it; the agent can read, not write."""
        return self.runtime / agent_name(name)

    def agent_socket(self, name: str) -> Path:
        return self.agent_runtime(name) / "hive.sock"

    def agent_token(self, name: str) -> Path:
        return self.agent_runtime(name) / "token"

    def vnc_socket(self, name: str) -> Path:
        """Where the agent's VNC server listens, when it does so on a Unix socket."""
        return self.agent_runtime(name) / "vnc.sock"

    def vnc_password(self, name: str) -> Path:
        """What that server asks for, where it asks."""
        return self.agent_runtime(name) / "vnc-password"

    def shim(self, name: str) -> Path:
        """The shim's own folder (lock, pid, exit status); no container sees it. `_` cannot start an agent's name."""
        return self.runtime / "_shims" / agent_name(name)

    @property
    def worker_lock(self) -> Path:
        """Held by the worker as long as it lives."""
        return self.runtime / "_locks" / "worker"


def inside(root: Path, path: Path) -> Path:
    """Return `path` resolved, or raise `ValueError` when it lies outside `root` or is `root` itself."""
    real_root, real = root.resolve(), path.resolve()
    if real == real_root or not real.is_relative_to(real_root):
        raise ValueError(f"{path} does not lie inside {root}: refused")
    return real
