"""The `local` backend itself: sandboxes of this machine, started and ended with this process's own privileges."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.containers import capabilities, cgroups, etc, folders, inside, network, processes, record, veth
from agents.containers.folders import Owners
from agents.containers.launch import Attach, Plan, launch
from agents.containers.logfile import LIMIT, Log
from agents.containers.observe import Observed
from agents.containers.protocol import (
    ContainerFailed,
    ContainerSpec,
    VerbRefused,
    cpu_percent,
    memory_bytes,
)
from agents.containers.removal import remove_tree
from agents.naming import agent_name, container_name
from agents.paths import Paths

KILL_SECONDS = 10.0


class LocalContainers(Observed):
    """`Containers` for this machine.

    `owners` says who web and worker are (this process's user by default). `command` and `log_limit` are for tests.
    """

    def __init__(
        self,
        paths: Paths,
        owners: Owners | None = None,
        *,
        command: Sequence[str] | None = None,
        log_limit: int = LIMIT,
    ) -> None:
        super().__init__(paths)
        self._owners = owners or Owners.this_process()
        self._command = list(command or inside.harness_command())
        self._log_limit = log_limit

    def create(self, name: str) -> None:
        folders.make(self._paths, self._owners, name)

    def start(self, spec: ContainerSpec) -> None:
        self.create(spec.name)
        with self._alone(spec.name):
            if self.is_running(spec.name):
                return
            self._clear(spec.name)
            record.remove(self._folder(spec.name), record.ENDED, record.INTENDED)
            try:
                launch(spec.name, lambda: self._plan(spec), self._network(spec))
            except ContainerFailed as error:
                self._clear(spec.name)
                obstacle = capabilities.obstacle() if os.geteuid() else None
                text = f"{error.text}; {obstacle}" if obstacle else error.text
                raise ContainerFailed(spec.name, text, self.logs(spec.name, 20)) from error

    def stop(self, name: str, grace: float = 10) -> None:
        with self._alone(name):
            running = self._running(name)
            if running is not None:
                record.write(self._folder(name), record.INTENDED, True)
                self._thaw(running)
                harness, shim = record.process(running, "harness"), record.process(running, "shim")
                if harness and shim and processes.send(harness, signal.SIGTERM):
                    processes.wait_gone(shim, grace)
            self._clear(name)

    def drain(self, name: str) -> None:
        running = self._running(name)
        harness = record.process(running, "harness")
        if harness is None or not self.is_running(name):
            raise VerbRefused(f"{name} does not run")
        record.write(self._folder(name), record.INTENDED, True)
        processes.send(harness, signal.SIGUSR1)

    def update(self, spec: ContainerSpec) -> None:
        """Nothing to do now: the next start takes the new description."""

    def destroy(self, name: str) -> None:
        self.stop(name)
        remove_tree(self._paths.runtime, self._paths.shim(name))
        remove_tree(self._paths.runtime, self._paths.agent_runtime(name))

    def purge(self, name: str) -> None:
        self._refuse_running(name)
        remove_tree(self._paths.state, self._paths.agent(name))
        remove_tree(self._paths.state, self._paths.shared / agent_name(name))

    def freeze(self, name: str) -> None:
        running = self._must_run(name)
        if cgroups.freeze(running["cgroup"], frozen=True):
            return
        Log(str(self._paths.container_log(name)), self._owners.hive).note(
            "no freezer control group can be written here: the agent's processes were stopped one by one (SIGSTOP)"
        )
        _signal_all(running, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._thaw(self._must_run(name))

    def hold(self, names: Sequence[str], *, frozen: bool) -> dict[str, str]:
        failed = {}
        for name in names:
            try:
                (self.freeze if frozen else self.thaw)(name)
            except (VerbRefused, ContainerFailed, OSError) as error:
                failed[name] = str(error)
        return failed

    # Parts

    def _plan(self, spec: ContainerSpec) -> Plan:
        folder = self._folder(spec.name)
        group, missing = cgroups.make(
            self._family(), container_name(spec.name), memory_bytes(spec.memory_max), cpu_percent(spec.cpu_quota)
        )
        limit = memory_bytes(spec.memory_max)
        files = self._etc(spec, Path(folder))
        runtime = folders.checked(self._paths.agent_runtime(spec.name), self._owners.hive[0])
        sandbox = inside.sandbox(self._paths, spec, files, limit if "memory" in missing else None)
        return Plan(
            name=spec.name,
            folder=Path(folder),
            log=self._paths.container_log(spec.name),
            log_owner=self._owners.hive,
            log_limit=self._log_limit,
            argv=sandbox.argv(inside.enter(self._command, runtime)),
            command=self._command,
            environment=inside.environment(spec),
            cgroup=group,
            rlimits={"RLIMIT_CORE": 0, **({"RLIMIT_DATA": limit} if "memory" in missing else {})},
            nice=10 if "cpu" in missing else 0,
            notes=_limits_note(missing),
            screen=self._screen(spec, runtime),
        )

    def _screen(self, spec: ContainerSpec, runtime: os.stat_result) -> dict[str, Any] | None:
        """Where the shim is to listen for the agent's VNC server."""
        if not spec.gui:
            return None
        path = self._paths.vnc_socket(spec.name)
        identity = (runtime.st_dev, runtime.st_ino)
        return {"folder": str(path.parent), "identity": identity, "name": path.name, "owner": self._owners.hive}

    def _etc(self, spec: ContainerSpec, folder: Path) -> dict[str, Path]:
        texts = etc.files(spec.name, network.choose(spec.network).nameservers())
        made = {}
        for target, text in texts.items():
            made[target] = file = folder / Path(target).name
            if not file.exists() or file.read_text() != text:
                file.write_text(text)
        return made

    @contextmanager
    def _network(self, spec: ContainerSpec) -> Iterator[Attach]:
        """Give the new sandbox its network; without one it runs with its own loopback, and the log says so."""
        choice = network.choose(spec.network)
        notes = [choice.note] if choice.note else []
        if choice.kind != "veth":
            yield lambda _: (notes, {"carrier": choice.tool})
            return
        with veth.reserved(self._family(), spec.name) as link:
            yield lambda init: (link(init), {"carrier": None})

    def _family(self) -> str:
        """Two hives on one machine do not meet in one group."""
        return f"hyperhive-{hashlib.sha256(os.fsencode(self._paths.runtime.resolve())).hexdigest()[:8]}"

    def _clear(self, name: str) -> None:
        """End what is left of a run, whoever of it is still alive, and see that its end is written down."""
        running = self._running(name)
        if running is None:
            return
        init, shim = record.process(running, "init"), record.process(running, "shim")
        if init is not None:
            processes.send(init, signal.SIGKILL)
        if shim is not None and not processes.wait_gone(shim, KILL_SECONDS):
            processes.send(shim, signal.SIGKILL)
            processes.wait_gone(shim, KILL_SECONDS)
        if self._running(name) is not None:
            self._write_end(name, running)
        if init is not None and not processes.wait_gone(init, KILL_SECONDS):
            raise ContainerFailed(name, "its processes cannot be ended")

    def _write_end(self, name: str, running: dict[str, Any]) -> None:
        """What the shim would have done."""
        if not cgroups.kill(running["cgroup"]):
            raise ContainerFailed(name, "some of its processes cannot be ended")
        cgroups.remove(running["cgroup"])
        folder = self._folder(name)
        record.write(folder, record.ENDED, record.ended_by_force(folder))
        record.remove(folder, record.RUNNING)

    def _thaw(self, running: dict[str, Any]) -> None:
        if not cgroups.freeze(running["cgroup"], frozen=False):
            _signal_all(running, signal.SIGCONT)

    def _must_run(self, name: str) -> dict[str, Any]:
        running = self._running(name)
        if running is None or not self.is_running(name):
            raise VerbRefused(f"{name} does not run")
        return running

    def _refuse_running(self, name: str) -> None:
        if self.is_running(name):
            raise VerbRefused(f"{name} still runs: stop it first")

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One start or stop of an agent at a time, whoever asks."""
        folder = self._paths.shim(name)
        if not folder.is_dir():
            yield  # there was never anything to start or stop
            return
        fd = os.open(folder / "operation", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _signal_all(running: dict[str, Any], number: int) -> None:
    """Signal every process of the namespace, until no new one appears."""
    init = record.process(running, "init")
    told: set[int] = set()
    while init is not None and (new := set(processes.descendants(init[0])) - told):
        for pid in new:
            process = processes.identify(pid)
            if process is not None:
                processes.send(process, number)
        told |= new


def _limits_note(missing: Sequence[str]) -> list[str]:
    if not missing:
        return []
    text = f"no control group for {', '.join(missing)} can be written here"
    if "memory" in missing:
        text += "; each process has the memory limit by itself (RLIMIT_DATA), not all together"
    if "cpu" in missing:
        text += "; the CPU quota is not enforced, the agent runs at lower priority (nice 10)"
    return [text]
