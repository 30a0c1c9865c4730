"""How the CLI is started: arguments, environment, MCP servers. Nothing here runs anything."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.harness import secretfiles
from agents.harness import servers as extra_servers
from agents.harness.config import Config

OWN_SERVER = "hyperhive"
SHELL_SERVER = "bash"
SEND_TOOL = f"mcp__{OWN_SERVER}__send"
BUILT_IN = ("Edit", "Glob", "Grep", "Read", "WebFetch", "WebSearch", "Write")
MCP_MILLISECONDS = 240_000
"""Longer than the longest `recv`."""
SHELL_MILLISECONDS = 630_000
"""Longer than the longest command."""
BASICS = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "CLAUDE_CONFIG_DIR")
HIVE = ("HIVE_PORT", "HIVE_LABEL", "HIVE_DASHBOARD_PORT", "HIVE_FORGE_REPO", "HYPERHIVE_STATE_DIR")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
PASSED_ON = frozenset(BASICS + HIVE + PROXIES + TRUST)
PASSED_FAMILIES = ("LC_", "GIT_AUTHOR_", "GIT_COMMITTER_", "ANTHROPIC_", "CLAUDE_CODE_OAUTH_", "NIX_")
OURS = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "5",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "MCP_TOOL_TIMEOUT": str(SHELL_MILLISECONDS),
}


def environment(config: Config, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the host set for this agent, and no other variable of the harness."""
    chosen = set(config.options.get("environment") or {})
    kept = {
        key: value
        for key, value in environ.items()
        if key in PASSED_ON or key in chosen or key.startswith(PASSED_FAMILIES)
    }
    return {**OURS, **kept, **secretfiles.variables()}


def servers(config: Config, mcp_url: str) -> dict[str, Any]:
    """The CLI's MCP configuration: the hive, the shell, and the servers of the deployed agent.nix."""
    shell_url = f"{mcp_url.rpartition('/')[0]}/{SHELL_SERVER}"
    found: dict[str, Any] = extra_servers.usable(config)
    found[OWN_SERVER] = {"type": "http", "url": mcp_url, "timeout": MCP_MILLISECONDS}
    found[SHELL_SERVER] = {"type": "http", "url": shell_url, "timeout": SHELL_MILLISECONDS}
    return {"mcpServers": found}


def write_servers(path: Path, config: Config, mcp_url: str) -> None:
    """The file holds the secret address: its owner alone may read it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(servers(config, mcp_url), file)


def arguments(cli: str, config: Config, *, model: str | None, mcp_config: Path, system_prompt: str) -> list[str]:
    """The prompt itself comes on stdin: a message may be longer than an argument can be."""
    argv = [cli, "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "dontAsk"]
    argv += ["--append-system-prompt", system_prompt]
    if model:
        argv += ["--model", model]
    argv += ["--mcp-config", str(mcp_config), "--strict-mcp-config"]
    # Settings files lie where the model can write, and their hooks would run what they like.
    argv += ["--setting-sources", ""]
    argv += ["--tools", ",".join(_built_in(config)), "--allowedTools", *_allowed(config)]
    return argv


CONVERSING = ("--input-format", "stream-json", "--replay-user-messages")
"""Messages come on stdin one after another, and each is named when it is taken up."""


def resuming(session: str, *, fresh_prompt: bool) -> list[str]:
    """`fresh_prompt`: with the system prompt of now rather than the session's."""
    return ["--resume", session, *(["--system-prompt-snapshot", "off"] if fresh_prompt else [])]


def digesting(cli: str, model: str | None) -> list[str]:
    """A single answer: no session, no tools, no servers."""
    argv = [cli, "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "dontAsk"]
    argv += ["--no-session-persistence", "--strict-mcp-config", *(["--model", model] if model else [])]
    return [*argv, "--tools", ""]


def _built_in(config: Config) -> list[str]:
    chosen = config.options.get("allowedTools")
    if chosen is None:
        return list(BUILT_IN)
    return [name for name in BUILT_IN if any(rule.partition("(")[0] == name for rule in chosen)]


def _allowed(config: Config) -> list[str]:
    """The hive's tools always: what an agent may do with them is decided by the hive."""
    chosen = config.options.get("allowedTools")
    shell = [f"mcp__{SHELL_SERVER}__*"]
    allowed = [f"mcp__{OWN_SERVER}__*", *([*BUILT_IN, *shell] if chosen is None else chosen)]
    for name, server in extra_servers.listed(config).items():
        tools = server.get("tools")
        allowed += [f"mcp__{name}__{tool}" for tool in (["*"] if tools is None else tools)]
    return allowed
