"""The variables and the shell that commands get: no rc file, no function, no alias, nothing of the harness."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from agents.harness import secretfiles
from agents.harness.config import Config
from agents.harness.drivers.claude.command import BASICS, HIVE, PROXIES, TRUST

KEPT = frozenset((*BASICS, *HIVE, *PROXIES, *TRUST)) - {"SHELL"}
FAMILIES = ("LC_", "GIT_AUTHOR_", "GIT_COMMITTER_", "NIX_")
SHELLS_OWN = frozenset(
    ("BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "CDPATH", "GLOBIGNORE", "IFS", "PS4", "PROMPT_COMMAND")
)
"""Variables by which a shell would read or mean something else."""
MODELS_OWN = ("ANTHROPIC_", "CLAUDE_CODE_")
KEEPER = Path(__file__).with_name("keeper.py")


class NoShell(Exception):
    """There is no bash where this agent runs."""


def environment(config: Config, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the host set for this agent, and its secrets that are variables; no credentials of the model's."""
    chosen = set(config.options.get("environment") or {})
    kept = {
        key: value
        for key, value in environ.items()
        if (key in KEPT or key in chosen or key.startswith(FAMILIES)) and not _of_a_shell(key)
    }
    secrets = {
        key: value
        for key, value in secretfiles.variables().items()
        if not _of_a_shell(key) and not key.startswith(MODELS_OWN)
    }
    return {**kept, **secrets, "PATH": search_path(environ.get("PATH", "")), "PAGER": "cat", "GIT_PAGER": "cat"}


def search_path(path: str) -> str:
    """Only folders with a full name that the agent itself cannot write: else a name would mean what it likes."""
    folders = [folder for folder in path.split(":") if folder.startswith("/")]
    if os.geteuid() != 0:
        folders = [folder for folder in folders if not os.access(folder, os.W_OK)]
    return ":".join(folders)


def shell(script: str, path: str) -> list[str]:
    """The command that runs a script under a keeper. Raises NoShell."""
    bash = shutil.which("bash", path=path)
    if bash is None:
        raise NoShell(f"there is no bash on the path {path}")
    # -p: no functions from the environment, no BASH_ENV, no SHELLOPTS.
    command = [bash, "--norc", "--noprofile", "-p", "-c", script, "bash"]
    return [sys.executable, "-I", "-S", str(KEEPER), *command]


def _of_a_shell(key: str) -> bool:
    return key in SHELLS_OWN or key.startswith("BASH_FUNC_")
