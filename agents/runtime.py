"""An agent's runtime folder, mounted at `/run/hive` inside: its socket, token and configuration.

The host owns the folder; where agents have user ids of their own they get read access by ACL, never write access.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from django.conf import settings

from agents import acl, tokens
from agents.models import Agent, Deployment
from agents.paths import Paths


def folder(name: str) -> Path:
    """The agent's runtime folder, made if it is missing."""
    paths: Paths = settings.HIVE_PATHS
    path = paths.agent_runtime(name)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    share(name, path, "r-x")
    return path


def share(name: str, path: Path, permissions: str) -> None:
    """Let the agent reach `path`; nothing to do where it runs as the hive's own user."""
    owner = settings.HIVE_PATHS.credentials(name).stat().st_uid
    if owner != os.geteuid():
        acl.grant(path, owner, permissions)


def write(agent: Agent, deployment: Deployment, *, restarted: bool) -> None:
    """Rotate the token and write what the harness reads at its start."""
    folder(agent.name)
    configuration = {
        "name": agent.name,
        "manager": agent.is_manager,
        "driver": deployment.options["driver"],
        "model": agent.chosen_model or deployment.options["model"],
        "options": deployment.options,
        "restarted": restarted,
    }
    paths: Paths = settings.HIVE_PATHS
    replace(agent.name, paths.agent_token(agent.name), tokens.rotate(agent))
    replace(agent.name, paths.agent_runtime(agent.name) / "config.json", json.dumps(configuration))


def replace(name: str, path: Path, text: str) -> None:
    """Write a file that the agent can read, all at once."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    share(name, Path(temporary), "r--")
    os.replace(temporary, path)
