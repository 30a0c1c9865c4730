"""Extra MCP servers of the deployed agent.nix, as the CLI is told of them; none whose files are not the approved ones.

Words that begin with `./` name files of the agent's repository. The host puts the deployed commit's files into
`/run/hive/repository` and their digests into `/run/hive/pins.json`; both are compared each time the CLI starts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.harness.config import Config

TAKEN = ("hyperhive", "bash")
Json = dict[str, Any]


def listed(config: Config) -> Mapping[str, Mapping[str, Any]]:
    """What agent.nix says; the names of the hive's own servers are not to be had."""
    servers = config.options.get("extraMcpServers") or {}
    return {name: server for name, server in servers.items() if name not in TAKEN}


def usable(config: Config) -> dict[str, Json]:
    """Name → entry of the CLI's configuration, for every server whose files are the approved ones."""
    return {name: _entry(config, server) for name, server in listed(config).items() if not _complaint(config, server)}


def refusals(config: Config) -> Iterator[str]:
    """A sentence for each server that is not started."""
    for name, server in listed(config).items():
        if complaint := _complaint(config, server):
            yield f"the MCP server {name!r} is not started: {complaint}"


def _entry(config: Config, server: Mapping[str, Any]) -> Json:
    if server.get("url"):
        headers = server.get("headers")
        return {"type": "http", "url": server["url"], **({"headers": headers} if headers else {})}
    entry: Json = {"type": "stdio", "command": _resolved(config, server["command"])}
    if server.get("args"):
        entry["args"] = [_resolved(config, word) for word in server["args"]]
    return {**entry, **({"env": server["env"]} if server.get("env") else {})}


def _resolved(config: Config, word: str) -> str:
    return str(_folder(config) / word) if word.startswith("./") else word


def _folder(config: Config) -> Path:
    return config.run_dir / "repository"


def _complaint(config: Config, server: Mapping[str, Any]) -> str | None:
    named = [word[2:] for word in (server.get("command") or "", *(server.get("args") or ())) if word.startswith("./")]
    if not named:
        return None
    try:
        pins = json.loads((config.run_dir / "pins.json").read_text(encoding="utf-8"))
        found = {str(path.relative_to(_folder(config))): path for path in _files(_folder(config))}
        changed = [name for name in {*pins, *found} if name not in found or pins.get(name) != _digest(found[name])]
    except (OSError, ValueError, AttributeError) as error:
        return f"the approved files cannot be read ({error})"
    missing = [name for name in named if os.path.normpath(name) not in pins]
    if missing:
        return f"./{missing[0]} is no file of the deployed commit"
    if changed:
        return f"{min(changed)} is not the file that was approved; deploy again, or roll back"
    return None


def _files(folder: Path) -> Iterator[Path]:
    """A server may read any file beside its own: all of them count."""
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _digest(path: Path) -> str:
    if path.is_symlink():
        return "a link"
    return hashlib.sha256(path.read_bytes()).hexdigest()
