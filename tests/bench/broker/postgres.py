"""This broker on PostgreSQL, on a server of its own from Debian's package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from agents import command
from tests.bench.broker.hyperhive import Hyperhive
from tests.bench.broker.processes import Server


class Postgres(Hyperhive):
    def __init__(self) -> None:
        super().__init__("hyperhive-postgres", "full")

    def start(self) -> None:
        self._database = Server()
        folder = self._database.folder
        tools = _tools()
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(folder, "postgres", "postgres")
        env = command.clean_environment()
        command.run([*user, str(tools / "initdb"), "-D", f"{folder}/d", "-A", "trust", "-U", "hive", "--no-sync"],
                    env=env, timeout=120)  # fmt: skip
        self._database.start(
            [*user, str(tools / "postgres"), "-D", f"{folder}/d", "-k", str(folder), "-c", "listen_addresses="], env
        )
        self._database.until(lambda: _is_ready(tools, str(folder)))
        command.run([*user, str(tools / "createdb"), "-h", str(folder), "-U", "hive", "hive"], env=env, timeout=60)
        self._extra["DATABASE_URL"] = f"postgresql://hive@/hive?host={folder}"
        super().start()

    def stop(self) -> None:
        super().stop()
        self._database.stop()


def _is_ready(tools: Path, folder: str) -> bool:
    try:
        command.run([str(tools / "pg_isready"), "-q", "-h", folder], env=command.clean_environment(), timeout=30)
    except command.CommandFailed:
        return False
    return True


def _tools() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise RuntimeError("postgresql is missing")
    return found[-1]
