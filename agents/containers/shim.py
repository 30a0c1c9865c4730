"""One agent's shim: it outlives whoever started it, and nothing of the agent outlives it.

`python -m agents.containers.shim NAME CONTROL_FD`. The starter sends the plan; the shim
answers `{"init": pid}` when the sandbox is made but its program not yet started, waits for a line (network settings),
and answers `{"running": true}` or `{"failed": text}`. Then it needs nobody: it writes the log, waits, and writes down
how the run ended. When the starter vanishes before that, the sandbox is taken away again.

Few imports: every agent has one of these, and json takes longer to import than bubblewrap to start, so the plan is
marshalled and json comes while the sandbox is being made. bubblewrap is started from the main thread, which lives
as long as the shim, because `--die-with-parent` means that thread.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import resource
import select
import signal
import sys
import time

from agents.containers import cgroups, record
from agents.containers.logfile import Log
from agents.containers.processes import Process, children, command_line, identify, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agents.containers.usernet import UserNetwork

EXEC_SECONDS = 20.0
_CHUNK = 65536


class Gone(Exception):
    """The sandbox ended, or its starter did, before the agent ran."""


class Control:
    """The plan from the starter, then JSON lines to and from it."""

    def __init__(self, fd: int) -> None:
        self._file = open(fd, "r+b", buffering=0)  # noqa: SIM115  # it lives as long as the start
        self._pending = b""

    def plan(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = marshal.load(self._file)  # noqa: S302  # our own parent wrote it
        except EOFError as error:
            raise Gone("whoever started this container is gone") from error
        return found

    def send(self, message: dict[str, Any]) -> None:
        import json

        try:
            self._file.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError as error:
            raise Gone("whoever started this container is gone") from error

    def receive(self) -> dict[str, Any]:
        import json

        while b"\n" not in self._pending:
            chunk = self._file.read(_CHUNK)
            if not chunk:
                raise Gone("whoever started this container is gone")
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        self._file.close()


class Shim:
    """The state of one run."""

    def __init__(self, plan: dict[str, Any], control: Control) -> None:
        self._plan, self._control = plan, control
        self._folder: str = plan["folder"]
        self._lock = record.hold(self._folder)
        self._log = Log(plan["log"], tuple(plan["log_owner"]), plan["log_limit"])
        self._harness: Process | None = None
        self._network: UserNetwork | None = None
        signal.signal(signal.SIGTERM, lambda *_: self._asked_to_end())
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> None:
        for line in self._plan["notes"]:
            self._log.note(line)
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        self._carrier_output = output
        self._launch(output)
        status: int | None = None
        try:
            self._begin()
        except Gone as error:
            status = self._abandon(str(error))
        else:
            self._control.close()
            status = self._watch()
        finally:
            self._clean_up(status)

    # Start

    def _launch(self, output: int) -> None:
        self._info, info = os.pipe()
        block, self._block = os.pipe()
        environment = os.memfd_create("environment")
        os.write(environment, self._plan["environment"].encode(errors="surrogateescape"))
        os.lseek(environment, 0, os.SEEK_SET)
        descriptors = (info, block, environment, *self._screen())
        self._pid = os.fork()
        if self._pid == 0:
            self._become_launcher(output, descriptors)
        for fd in descriptors:
            os.close(fd)

    def _screen(self) -> tuple[int, ...]:
        """Where the agent's VNC server is to be reached, if it has one."""
        if self._plan["screen"] is None:
            return ()
        from agents.containers.listening import listen

        try:
            return (listen(**self._plan["screen"]),)
        except OSError as error:
            self._log.note(f"no screen: {error}")
            return ()

    def _become_launcher(self, output: int, descriptors: tuple[int, ...]) -> None:
        try:
            if not cgroups.join(self._plan["cgroup"]):
                os.write(output, b"hyperhive: could not enter the control group: memory and CPU are not limited\n")
            for name, value in self._plan["rlimits"].items():
                resource.setrlimit(getattr(resource, name), (value, value))
            if self._plan["nice"]:
                os.nice(self._plan["nice"])
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            null = os.open("/dev/null", os.O_RDONLY)
            high = [os.dup(fd) for fd in (null, output, output)]
            high += [_above(fd) for fd in descriptors]
            for target, fd in enumerate(high):
                os.dup2(fd, target)
            argv = self._plan["argv"]
            os.execvpe(argv[0], argv, self._plan["launcher_environment"])  # noqa: S606  # what a shim is for
        except OSError as error:
            os.write(output, f"hyperhive: cannot start the sandbox: {error}\n".encode())
        finally:
            os._exit(127)

    def _begin(self) -> None:
        init = self._made()
        self._control.send({"init": init[0]})
        answer = self._control.receive()
        for line in answer["notes"]:
            self._log.note(line)
        if answer["carrier"]:
            self._carry(answer["carrier"], init)
        self._keep({"init": init})
        os.write(self._block, b"1")
        os.close(self._block)
        self._harness = self._exec_seen(init)
        self._keep({"init": init, "harness": self._harness})
        self._tell({"running": True})

    def _tell(self, message: dict[str, Any]) -> None:
        """From here on the run does not depend on whether anybody listens."""
        try:
            self._control.send(message)
        except Gone:
            self._log.note("whoever started this container is gone")

    def _keep(self, known: dict[str, Any]) -> None:
        shim = identify(os.getpid())
        record.write(self._folder, record.RUNNING, {"shim": shim, "cgroup": self._plan["cgroup"], **known})

    def _carry(self, tool: str, init: Process) -> None:
        from agents.containers.usernet import UserNetwork

        try:
            self._network = UserNetwork(tool, init[0], self._carrier_output)
        except OSError as error:
            self._log.note(f"no network but loopback: {error}")

    def _made(self) -> Process:
        """Wait until the launcher says which process is the container's first."""
        import json

        text = b""
        while not text.rstrip().endswith(b"}"):
            self._copy_output(0)
            chunk = os.read(self._info, _CHUNK)
            if not chunk:
                raise Gone("the sandbox could not be made")
            text += chunk
        os.close(self._info)
        init = identify(int(json.loads(text)["child-pid"]))
        if init is None:
            raise Gone("the sandbox ended at once")
        return init

    def _exec_seen(self, init: Process) -> Process:
        """Wait until the launcher's child has become the harness."""
        wanted = [word.encode(errors="surrogateescape") for word in self._plan["command"]]
        deadline = time.monotonic() + EXEC_SECONDS
        while time.monotonic() < deadline:
            self._copy_output(2)
            for pid in children(init[0]):
                found = identify(pid)
                if found is not None and command_line(pid) == wanted:
                    return found
            if _ended(self._pid):
                raise Gone("the agent's program ended at once")
        raise Gone(f"the agent's program did not start within {EXEC_SECONDS:.0f} s")

    # Run

    def _watch(self) -> int:
        """Copy output until the sandbox has ended; its wait status."""
        gone = os.pidfd_open(self._pid)
        poller = select.poll()
        poller.register(gone, select.POLLIN)
        poller.register(self._output, select.POLLIN)
        if self._network is not None:
            poller.register(self._network.watcher, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == self._output:
                    self._copy_output(0)
                elif fd == gone:
                    return os.waitpid(self._pid, 0)[1]
                elif self._network is not None and not self._host_blocked(self._network):
                    poller.unregister(fd)

    def _host_blocked(self, network: UserNetwork) -> bool:
        """The host has other addresses now. An agent that cannot be kept away from them loses its network."""
        try:
            network.block_host()
        except OSError as error:
            self._log.note(f"the agent's network was taken away: {error}")
            network.end()
            self._network = None
            return False
        return True

    def _copy_output(self, wait: int) -> bool:
        """Write what has come to the log, waiting up to `wait` ms for it; False when no more will come."""
        poller = select.poll()
        poller.register(self._output, select.POLLIN)
        while poller.poll(wait):
            chunk = os.read(self._output, _CHUNK)
            if not chunk:
                return False
            self._log.write(chunk)
            wait = 0
        return True

    def _asked_to_end(self) -> None:
        """The machine shuts down: the harness may finish, the sandbox ends with it."""
        record.write(self._folder, record.INTENDED, True)
        if self._harness is None or not send(self._harness, signal.SIGTERM):
            os.kill(self._pid, signal.SIGKILL)

    # End

    def _abandon(self, why: str) -> int:
        os.kill(self._pid, signal.SIGKILL)  # ours and not waited for: it is there, dead or alive
        cgroups.kill(self._plan["cgroup"])
        status = os.waitpid(self._pid, 0)[1]
        self._copy_output(0)
        self._log.note(why)
        self._tell({"failed": why})
        return status

    def _clean_up(self, status: int | None) -> None:
        if self._network is not None:
            self._network.end()
        self._copy_output(0)
        oom = cgroups.oom_kills(self._plan["cgroup"]) > 0
        cgroups.kill(self._plan["cgroup"])
        cgroups.remove(self._plan["cgroup"])
        intended = record.read(self._folder, record.INTENDED) is not None
        record.write(self._folder, record.ENDED, _ended_as(status, oom=oom, intended=intended))
        record.remove(self._folder, record.RUNNING)
        os.close(self._lock)


def _ended_as(status: int | None, *, oom: bool, intended: bool) -> dict[str, Any]:
    code, number = _code_and_signal(status)
    oom = oom and number == signal.SIGKILL
    return {"code": code, "signal": number, "at": time.time(), "oom": oom, "intended": intended}


def _code_and_signal(status: int | None) -> tuple[int | None, int | None]:
    """From a wait status; the launcher passes on a signal as 128 and its number."""
    if status is None:
        return None, None
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return None, -code
    return (None, code - 128) if code > 128 else (code, None)


def _above(fd: int) -> int:
    """A copy of the descriptor above all fixed numbers."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)


def _ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def main(arguments: list[str]) -> None:
    control_fd = int(arguments[1])
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o022)
    os.set_inheritable(control_fd, False)
    control = Control(control_fd)
    try:
        plan = control.plan()
    except Gone:
        return  # there was nothing to be started after all
    Shim(plan, control).run()


if __name__ == "__main__":
    main(sys.argv[1:])
