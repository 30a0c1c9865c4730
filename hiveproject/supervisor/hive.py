"""One run of the hive, from the first check to the last process."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from agents.containers import capabilities, local, privileged
from agents.containers.protocol import ContainerFailed
from hiveproject import kernel, roots
from hiveproject.roots import SetupFailed
from hiveproject.supervisor import processes
from hiveproject.supervisor.child import Child
from hiveproject.supervisor.crew import Crew, muster
from hiveproject.supervisor.log import Terminal
from hiveproject.supervisor.plan import Plan
from hiveproject.supervisor.readiness import Readiness

_TICK = 1.0
_STARTING_TICK = 0.02
_ENDING_TICK = 0.05
_END_SECONDS = 12.0
_STOPS_AT_ONCE = 16


class Stop(Exception):
    """Asked to stop before anything ran."""


class Hive:
    """Web, worker and root helper, with everything they start."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._terminal = Terminal()
        self._children: list[Child] = []
        self._stopping = False
        self._failed = False
        self._readiness = Readiness(plan)

    def run(self) -> int:
        """Run until asked to stop or beyond help; returns the exit code. Raises `SetupFailed`, `Stop`."""
        self._wakeup = _signals(self._asked_to_stop)
        roots.prepare(self._plan.paths)
        locks = self._plan.lock()
        if self._plan.web:
            self._plan.check_port()
        self._report = capabilities.probe(self._plan.paths.state)
        if self._report.refusal:
            raise SetupFailed(self._report.refusal)
        kernel.adopt_orphans()
        self._readiness.begin()
        crew = muster(self._plan)
        self._children = [Child(program, self._terminal) for program in crew.programs]
        try:
            for child in self._children:
                child.start()
            self._watch(crew)
        finally:
            self._stop(crew)
            for lock in locks:
                os.close(lock)
        return 1 if self._failed else 0

    def _asked_to_stop(self, *_: int | FrameType | None) -> None:
        if not self._children:
            raise Stop
        self._stopping = True

    # Run

    def _watch(self, crew: Crew) -> None:
        told = False
        while not self._stopping:
            self._pump(_TICK if told else _STARTING_TICK)
            if not told and self._readiness.is_done and (not self._plan.web or self._plan.is_reachable()):
                self._tell(self._readiness.news(crew, self._report))
                told = True
            for child in self._children:
                self._look_after(child)

    def _look_after(self, child: Child) -> None:
        child.collect()
        if child.has_given_up:
            self._tell([f"{child.name} does not stay up, so the hive stops. Its last lines:", *child.lines.last])
            self._failed = self._stopping = True
        elif child.is_due:
            child.start()

    def _pump(self, seconds: float) -> None:
        """Show what the children write; returns after `seconds` at the latest, or at a signal."""
        poller = select.poll()
        poller.register(self._wakeup, select.POLLIN)
        writers = {child.output: child for child in self._children if child.output is not None}
        for descriptor in writers:
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll(seconds * 1000):
            if descriptor in writers:
                writers[descriptor].read()
            else:
                os.read(descriptor, 4096)
        if self._readiness.is_done:
            processes.reap({child.pid for child in self._children})

    def _tell(self, lines: list[str]) -> None:
        for line in lines:
            self._terminal.say(line)

    # Stop

    def _stop(self, crew: Crew) -> None:
        """Web and worker first, so that nothing is started any more; then the agents; then the helper."""
        self._stopping = True
        self._tell(["Stopping."])
        helper = [child for child in self._children if child.name == "helper"]
        others = [child for child in self._children if child.name != "helper"]
        for child in others:
            child.ask_to_end()
        self._await_end(others)
        if self._plan.worker:
            self._stop_agents(crew)
        if crew.knocking is not None:
            crew.knocking.close()
        self._await_end(helper)
        processes.end_descendants()

    def _await_end(self, children: list[Child]) -> None:
        deadline = time.monotonic() + _END_SECONDS
        while not all(child.has_ended() for child in children) and time.monotonic() < deadline:
            self._pump(_ENDING_TICK)
        for child in children:
            child.kill()

    def _stop_agents(self, crew: Crew) -> None:
        """They stay wanted: the next run starts them again."""
        privileged.use(self._plan.paths)
        if crew.knocking is not None:
            os.environ[privileged.HELPER_FD] = str(crew.knocking.fileno())
        containers = local(self._plan.paths)
        with ThreadPoolExecutor(_STOPS_AT_ONCE) as pool:
            stops = {name: pool.submit(containers.stop, name) for name in containers.list()}
        for name, stop in stops.items():
            try:
                stop.result()
            except ContainerFailed as failure:
                self._tell([f"{name} could not be stopped: {failure.text}"])
                self._failed = True


def _signals(asked_to_stop: Callable[..., None]) -> int:
    """Have the signals that mean "stop" call `asked_to_stop`; returns what becomes readable at any signal."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked_to_stop)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader
