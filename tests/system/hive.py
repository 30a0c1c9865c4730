"""A whole hive for a test: the real `manage.py up` with roots and a port of its own, driven through hivectl."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess  # noqa: TID251 - the test is the user who starts the hive
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

REPOSITORY = Path(__file__).resolve().parent.parent.parent
Found = TypeVar("Found")


class Hive:
    """One running hive."""

    def __init__(self, **environment: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hh", dir="/tmp"))
        self.root.chmod(0o755)
        self.port = _free_port()
        self.python = [sys.executable]
        self.log = self.root / "up.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "HYPERHIVE_STATE_ROOT": str(self.root / "s"),
            "HYPERHIVE_RUNTIME_ROOT": str(self.root / "r"),
            "HYPERHIVE_PORT": str(self.port),
            "HYPERHIVE_OPERATOR_PASSWORD": "correct horse battery",
            "HYPERHIVE_DEFAULT_DRIVER": "scripted",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.root / "s"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it says that it is well."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.python, "manage.py", "up"],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until(lambda: self.healthz()[0] == 200, 30)

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(40)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.interrupt()
        shutil.rmtree(self.root, ignore_errors=True)

    def ctl(self, *words: str, code: int = 0, input: str | None = None) -> Any:
        """Run hivectl with --json; returns the JSON, or the text of the error when `code` is not 0."""
        done = subprocess.run(
            [*self.python, "-m", "hiveproject.hivectl", *words, "--json"],
            cwd=REPOSITORY,
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.tail()}"
        return json.loads(done.stdout) if code == 0 else done.stderr

    def healthz(self) -> tuple[int, dict[str, str]]:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def wait_until(self, condition: Callable[[], Found | Literal[False] | None], seconds: float = 20) -> Found:
        """Poll until `condition` gives something true; returns that."""
        deadline = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the hive has ended ({self.process.returncode})\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s in vain\n{self.tail()}")
            time.sleep(0.05)

    def row(self, name: str) -> dict[str, Any]:
        return next((row for row in self.ctl("list") if row["name"] == name), {})

    def running(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """Wait until the agent runs."""
        return self.wait_until(lambda: row if (row := self.row(name)).get("running") else None, seconds)

    def ask(self, name: str, text: str, seconds: float = 30) -> str:
        """Write to an agent and wait for its answer."""
        sent = self.ctl("send", name, text)
        answers = lambda: [row for row in self.ctl("inbox") if row["in_reply_to"] == sent["id"]]  # noqa: E731
        return str(self.wait_until(answers, seconds)[0]["body"])

    def steps(self, name: str, *steps: dict[str, Any], seconds: float = 30) -> list[dict[str, Any]]:
        """Have a scripted agent do steps; returns its results."""
        answer = self.ask(name, f"```hive\n{json.dumps(list(steps))}\n```", seconds)
        assert "```hive-result" in answer, answer
        results: list[dict[str, Any]] = json.loads(answer.split("```hive-result\n", 1)[1].split("\n```", 1)[0])
        return results

    def propose(self, text: str, *, to: str = "alice") -> dict[str, Any]:
        """Have the manager commit `text` as the agent's configuration and ask for it; the last step's result."""
        config = f"/agents/{to}/config"
        return self.steps(
            "hm1nd",
            {"write": {"path": f"{config}/agent.nix", "text": text}},
            {"run": {"argv": ["git", "-C", config, "commit", "-qam", "change it"]}},
            {"run": {"argv": ["git", "-C", config, "rev-parse", "HEAD"]}},
            {"tool": "request_apply_commit", "args": {"agent": to, "commit_ref": "${3}", "description": "why not"}},
        )[-1]

    def approval(self, number: int) -> dict[str, Any]:
        return next(row for row in self.ctl("approvals", "--all") if row["id"] == number)

    def settled(self, number: int, seconds: float = 30) -> dict[str, Any]:
        """Wait until an approval has ended."""
        over = {"deployed", "failed", "denied", "cancelled", "superseded"}
        return self.wait_until(lambda: row if (row := self.approval(number))["status"] in over else None, seconds)

    def git(self, name: str, *words: str) -> str:
        """Ask the agent's applied repository."""
        repository = self.state / "applied" / name
        command = ["git", "-c", f"safe.directory={repository}", "-C", str(repository), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def database(self, query: str) -> float:
        """One number out of the hive's database."""
        with contextlib.closing(sqlite3.connect(self.state / "hive.sqlite", timeout=20)) as connection:
            return float(connection.execute(query).fetchone()[0])

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    def processes(self) -> list[str]:
        """Command lines of every process that belongs to this hive, by its state root in the environment or words."""
        mark = str(self.root).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if mark in words or mark in (entry / "environ").read_bytes():
                    found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_hive(**environment: str) -> Iterator[Hive]:
    hive = Hive(**environment)
    try:
        hive.start()
        yield hive
    finally:
        hive.close()
