"""Files of an agent's repository that its MCP servers are started from: the approved ones, with their digests.

A word of `hyperhive.extraMcpServers.<name>` that begins with `./` names a file of the deployed commit. The host puts
that commit's tree into the runtime folder, where the agent can read and not write, and the digests beside it; the
harness starts no server while a file differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents import configuration, runtime
from agents.models import Agent, Deployment

FOLDER, PINS = "repository", "pins.json"


def place(agent: Agent, deployment: Deployment) -> None:
    """Put the files and digests of this deployment in place, or take away what an earlier one left."""
    home = runtime.folder(agent.name)
    wanted = names_files(deployment.options)
    fresh = Path(tempfile.mkdtemp(prefix="_fresh-", dir=home))
    try:
        pins = _export(agent.name, deployment.commit, fresh / FOLDER) if wanted else {}
        shutil.rmtree(home / FOLDER, ignore_errors=True)
        if wanted:
            os.rename(fresh / FOLDER, home / FOLDER)
        runtime.replace(agent.name, home / PINS, json.dumps(pins))
    finally:
        shutil.rmtree(fresh)


def names_files(options: Mapping[str, Any]) -> bool:
    """Whether a server is started from a file of the repository."""
    servers = options["extraMcpServers"].values()
    return any(word.startswith("./") for one in servers for word in (one["command"] or "", *one["args"]))


def _export(name: str, commit: str, folder: Path) -> dict[str, str]:
    """Path below `folder` → SHA-256."""
    configuration.applied(name).export(commit, folder)
    pins: dict[str, str] = {}
    runtime.share(name, folder, "r-x")
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            runtime.share(name, path, "r-x")
        else:
            executable = path.stat().st_mode & 0o100
            runtime.share(name, path, "r-x" if executable else "r--")
            pins[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return pins
