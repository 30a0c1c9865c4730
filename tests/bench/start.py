"""`python -m tests.bench.start`: how long a harness takes from its start until it knocks at the hive."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess  # noqa: TID251 - the measured program is started as a container starts it
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 20


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for driver in ("scripted", "claude"):
            values = sorted(_once(Path(folder), driver) for _ in range(ROUNDS))
            median = statistics.median(values)
            sys.stdout.write(f"hive-agent, {driver}: median {median:.3f} s, best {values[0]:.3f} s, goal < 0.3 s\n")


def _once(folder: Path, driver: str) -> float:
    """Seconds of wall clock from exec to the connection on the hive's socket."""
    path = folder / "hive.sock"
    path.unlink(missing_ok=True)
    (folder / "token").write_text("token-of-a-bench")
    (folder / "config.json").write_text(json.dumps({"name": "bench", "driver": driver, "options": {}}))
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HIVE_RUN_DIR": str(folder),
        "HYPERHIVE_STATE_DIR": str(folder),
    }
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        began = time.perf_counter()
        command = [sys.executable, "-m", "agents.harness"]
        process = subprocess.Popen(command, env={**env, "HIVE_PORT": str(_port())}, stdout=subprocess.DEVNULL)
        listener.accept()[0].close()
        took = time.perf_counter() - began
        process.kill()
        process.wait()
    return took


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
