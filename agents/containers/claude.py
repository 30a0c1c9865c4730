"""Where the Claude command line lies on this host, and what it needs to run inside a sandbox."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path


def find_claude() -> Path | None:
    """`claude` from PATH, else the one that the `claude-agent-sdk` package brings; None when there is neither."""
    found = shutil.which("claude")
    if found:
        return Path(found)
    bundled = Path(sysconfig.get_path("purelib")) / "claude_agent_sdk" / "_bundled" / "claude"
    return bundled if bundled.is_file() else None


def needs(program: Path) -> tuple[Path, ...]:
    """Files and folders to bind for it: the file itself, or its npm package and the `node` that runs it."""
    real = program.resolve()
    package = next((folder for folder in real.parents if (folder / "package.json").is_file()), None)
    if package is None or "node_modules" not in real.parts:
        return (real,)
    node = shutil.which("node")
    return (package,) if node is None else (package, Path(node).resolve())
