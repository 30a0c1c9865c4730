"""A PostgreSQL of the tests' own, from Debian's package, on a Unix socket in a folder of its own.

It has nothing to do with the distribution's cluster, which need not run. Commits wait for the disk (fsync is on).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess  # noqa: TID251 - the tests start the server
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_PROGRAMS = Path("/usr/lib/postgresql")
_START_SECONDS = 60.0
# Many connections in little memory; nothing listens on TCP.
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "Europe/Berlin",  # not UTC: the hive must not lean on it
    "logging_collector": "off",
}


def programs() -> Path:
    """The newest installed version's programs."""
    found = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "no PostgreSQL here: `make setup` installs it (apt install postgresql)"
    return found[-1].parent


class Server:
    """One cluster. `user` is the only role; any local user may be it."""

    user = "hive"

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hpg", dir="/tmp"))
        self.root.chmod(0o755)
        self._data, self._log = self.root / "data", self.root / "log"
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = 0
        if self._account is not None:
            os.chown(self.root, self._account.pw_uid, self._account.pw_gid)
        words = ["--auth=trust", f"--username={self.user}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        words += ["--no-sync"]  # nothing that matters is in there yet
        self._run("initdb", "-D", str(self._data), *words)
        lines = "".join(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{lines}unix_socket_directories = '{self.root}'\n")

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [programs() / "postgres", "-D", self._data], stdout=log, stderr=log, cwd="/", **self._as_its_user()
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End every process of it with SIGKILL, as a crash of the machine would."""
        assert self._process is not None
        group = os.getpgid(self._process.pid)
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if os.getpgid(int(entry.name)) == group:
                    os.kill(int(entry.name), signal.SIGKILL)
        self._forget()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it in order; sessions are cut off."""
        if self._process is not None:
            self._process.send_signal(how)
        self._forget()

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.root, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}@/{database}?host={self.root}"

    def database(self, template: str = "template1") -> str:
        """Make a database that nobody else has; its name."""
        self._numbers += 1
        name = f"d{os.getpid()}_{self._numbers}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return name

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait(60)
        self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [programs() / program, *words], capture_output=True, text=True, cwd="/", **self._as_its_user()
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as_its_user(self) -> dict[str, Any]:
        kept = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        own: dict[str, Any] = {"env": kept, "start_new_session": True}
        if self._account is None:
            return own
        return {**own, "user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def running() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.close()
