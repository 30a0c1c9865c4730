"""Git for the host's own repositories: no configuration but the one here, no hooks, no filters, no network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agents import command

NAME, EMAIL = "hive-c0re", "hive-c0re@hyperhive"
BRANCH = "main"
COMMIT = re.compile(r"[0-9a-f]{40}\Z")
COMMIT_REF = re.compile(r"[0-9a-f]{7,40}\Z")
TIMEOUT = 60.0

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.logAllRefUpdates": "true",
    "core.bigFileThreshold": "1m",
    "core.fsync": "committed,reference",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
    "tag.gpgSign": "false",
    "commit.gpgSign": "false",
    "protocol.allow": "never",
    "advice.detachedHead": "false",
}


class GitFailed(Exception):
    """Git ended with a code other than 0; `code` and `stderr` are its own."""

    def __init__(self, arguments: Sequence[str], code: int, stderr: str) -> None:
        self.arguments = tuple(arguments)
        self.code = code
        self.stderr = stderr.strip()
        super().__init__(f"git {' '.join(arguments)[:200]} failed ({code}): {self.stderr[-2000:]}")


def executable() -> str:
    """Git's absolute path where the operator names one (`HYPERHIVE_GIT`), else `git` from PATH."""
    return os.environ.get("HYPERHIVE_GIT") or "git"


def isolation() -> dict[str, str]:
    """Variables under which git reads no configuration but ours and one repository's, and asks nobody.

    What is set here stands above a repository's own configuration (git-config(1), GIT_CONFIG_COUNT).
    """
    variables = {
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_GRAFT_FILE": "/nonexistent",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_EDITOR": "/bin/false",
        "GIT_PAGER": "cat",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
    }
    for number, (key, value) in enumerate(_CONFIG.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    for role in ("AUTHOR", "COMMITTER"):
        variables |= {f"GIT_{role}_NAME": NAME, f"GIT_{role}_EMAIL": EMAIL}
    return variables


def git(
    repository: Path,
    *arguments: str,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    cwd: Path | None = None,
    timeout: float = TIMEOUT,
    max_output: int = command.MAX_OUTPUT,
    pass_fds: Iterable[int] = (),
) -> bytes:
    """Run git on the non-bare repository at `repository` and return what it wrote. Raises `GitFailed`.

    `prefix` is put before git (limits); `env` is added to the isolation.
    """
    argv = [*prefix, executable(), f"--git-dir={repository / '.git'}", f"--work-tree={repository}", *arguments]
    try:
        done = command.run(
            argv,
            timeout=timeout,
            env=command.clean_environment(**{**isolation(), **(env or {})}),
            cwd=cwd or repository,
            input=input,
            max_output=max_output,
            pass_fds=pass_fds,
        )
    except command.CommandFailed as error:
        raise GitFailed(arguments, error.code, error.stderr) from error
    return done.stdout


def full_commit(commit: str) -> str:
    """Return `commit` if it is a full commit id; anything else could be an option or a name. Raises `ValueError`."""
    if not COMMIT.match(commit):
        raise ValueError(f"{commit!r} is not a full commit id of 40 hex digits")
    return commit
