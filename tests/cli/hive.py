"""A hive whose web process does not run: folders, database and rows, asked through the real hivectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess  # noqa: TID251 - the test is the operator
import sys
import tempfile
from pathlib import Path
from typing import Any

from agents.paths import Paths
from hiveproject import roots

REPOSITORY = Path(__file__).resolve().parent.parent.parent


class QuietHive:
    """Nothing of it runs unless `working` is used."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hh", dir="/tmp"))
        self.root.chmod(0o755)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "HYPERHIVE_STATE_ROOT": str(self.root / "s"),
            "HYPERHIVE_RUNTIME_ROOT": str(self.root / "r"),
            "HYPERHIVE_PORT": "7999",
        }

    def prepare(self, rows: str) -> None:
        """Migrate and run `rows`, Python that may use the builders."""
        roots.prepare(Paths(self.root / "s", self.root / "r"))
        self._python("manage.py", "prepare")
        setup = "import django; django.setup(); from tests.builders import *; from tests.cli.rows import *"
        self._python("-c", f"{setup}\n{rows}", DJANGO_SETTINGS_MODULE="hiveproject.settings")

    def copy(self) -> QuietHive:
        other = QuietHive()
        for name in ("s", "r"):
            subprocess.run(["cp", "--archive", self.root / name, other.root / name], check=True)
        return other

    def hivectl(self, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hiveproject.hivectl", *words],
            cwd=REPOSITORY,
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def ask(self, *words: str, input: str = "") -> Any:
        """The JSON that a verb which is done prints."""
        done = self.hivectl(*words, "--json", input=input)
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)

    def working(self) -> subprocess.Popen[str]:
        """Start the worker, and not the web; returns when it is ready."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--role", "worker"],
            cwd=REPOSITORY,
            env={**self.environment, "HYPERHIVE_HEALTH_SECONDS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "the worker is ready" in line:
                return process
        raise AssertionError("".join(seen))

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def _python(self, *words: str, **environment: str) -> None:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=REPOSITORY,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
