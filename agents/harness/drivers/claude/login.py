"""Whether the CLI is there and signed in, and waiting until it may be."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

from agents.harness import programs, secretfiles
from agents.harness.config import Config
from agents.harness.drivers.claude.command import environment

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
PROBE_SECONDS = 30.0
LOOK_SECONDS = 1.0
PROBE_LIMIT = 64 * 1024


def find_cli() -> str | None:
    return shutil.which("claude")


async def signed_in(cli: str, config: Config) -> bool:
    """`claude auth status`; where it gives no clear no, or there is a key, the next turn finds out."""
    if any(os.environ.get(key) or secretfiles.variables().get(key) for key in KEYS):
        return True
    try:
        status, output = await programs.run(
            [cli, "auth", "status"],
            config.notes,
            seconds=PROBE_SECONDS,
            limit=PROBE_LIMIT,
            env=environment(config),
        )
        return not (status == 1 and json.loads(output).get("loggedIn") is False)
    except (OSError, ValueError, AttributeError, programs.OutOfTime):
        return True


def credentials() -> tuple[int, int] | None:
    """Changes whenever somebody signs in or out."""
    folder = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    try:
        found = (folder / ".credentials.json").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


async def credentials_changed(before: tuple[int, int] | None, seconds: float) -> bool:
    """Wait for it that long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if credentials() != before:
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
