"""What is to be run, and what has to be true before anything is started."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.paths import Paths
from hiveproject import environment
from hiveproject.roots import SetupFailed

_PORT_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """Which processes run, for which hive, on which address."""

    role: str
    paths: Paths
    bind: str
    port: int

    @classmethod
    def from_environment(cls, role: str) -> Plan:
        return cls(
            role=role,
            paths=Paths(*environment.roots()),
            bind=environment.text("HYPERHIVE_BIND", "127.0.0.1"),
            port=environment.integer("HYPERHIVE_PORT", 7000, 1, 65535),
        )

    @property
    def web(self) -> bool:
        return self.role in ("all", "web")

    @property
    def worker(self) -> bool:
        return self.role in ("all", "worker")

    @property
    def address(self) -> tuple[str, int]:
        """Where this machine itself reaches the web process."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.bind, self.bind)  # noqa: S104
        return host, self.port

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def lock(self) -> list[int]:
        """Hold the hive for this process: its runtime root for the web, its state root for the worker.

        The folders themselves are locked, so that nobody can replace what is locked. Raises `SetupFailed`.
        """
        wanted = [folder for folder, has in ((self.paths.runtime, self.web), (self.paths.state, self.worker)) if has]
        return [_lock(folder, self.paths.state) for folder in wanted]

    def check_port(self) -> None:
        """Raise `SetupFailed` when the port is taken; one that is being given up just now is waited for."""
        deadline = time.monotonic() + _PORT_SECONDS
        while True:
            try:
                _bind(self.bind, self.port)
            except OSError as error:
                if time.monotonic() < deadline and error.errno == errno.EADDRINUSE:
                    time.sleep(0.1)
                    continue
                raise SetupFailed(self._port_refused(error)) from error
            return

    def is_reachable(self) -> bool:
        with suppress(OSError), socket.create_connection(self.address, timeout=1):
            return True
        return False

    def _port_refused(self, error: OSError) -> str:
        what = f"{self.bind} port {self.port}"
        if error.errno == errno.EADDRINUSE:
            return f"{what} is taken by another program: stop that, or set HYPERHIVE_PORT to a free port"
        return f"cannot listen on {what} ({error.strerror}): set HYPERHIVE_BIND to an address of this machine"


def _lock(folder: Path, state: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SetupFailed(f"the hive in {state} is running already; stop it there first") from None
    return descriptor


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except socket.gaierror as error:
            raise OSError(error.errno, "no such address") from error
