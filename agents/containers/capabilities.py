"""What this machine lets the `local` backend do: tried, not guessed. For the start-up message and for refusals."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from agents import acl, command
from agents.containers import cgroups, network
from agents.containers.claude import find_claude
from agents.sandbox import Sandbox

_SECONDS = 20.0
_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "10000"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)


@dataclass(frozen=True)
class Report:
    """`refusal` says why no agent can run here; each of `missing` is one line: what, what to do, what works without."""

    refusal: str | None
    missing: tuple[str, ...]

    @property
    def works(self) -> bool:
        return self.refusal is None


def probe(state: Path | None = None) -> Report:
    """Try everything once; takes some 50 ms. `state` is where the hive keeps its folders."""
    lines = [_launcher(), network.choose("private").note, _forwarding(), _limits(), _lists(state), _nix(), _claude()]
    return Report(_refusal(), tuple(line for line in lines if line))


def obstacle(sysctls: Path = Path("/proc/sys")) -> str | None:
    """The kernel setting that forbids sandboxes to ordinary users, with what to do; None where there is none."""
    for file, bad, good in _SETTINGS:
        try:
            value = (sysctls / file).read_text().strip()
        except OSError:
            continue
        if value == bad:
            name = file.replace("/", ".")
            return f"this machine forbids unprivileged user namespaces ({name}={bad}): sysctl -w {name}={good}"
    return None


def _refusal() -> str | None:
    try:
        command.run(Sandbox(uid=1000, env={"PATH": "/usr/bin:/bin"}).argv(["true"]), timeout=_SECONDS)
    except command.CommandFailed as error:
        found = obstacle() if os.geteuid() else None
        last = error.stderr.splitlines()[-1:] or ["it said nothing"]
        return f"no sandbox can be made here: {found or last[0]}"
    return None


def _launcher() -> str | None:
    if shutil.which("bwrap"):
        return None
    return "bubblewrap is missing: the hive's own, slower start of sandboxes is used (apt install bubblewrap)"


def _forwarding() -> str | None:
    """Another firewall's drop stands, whatever our table accepts."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        return None
    try:
        chains = command.run(["nft", "list", "chains"], timeout=_SECONDS).text
    except command.CommandFailed:
        return "nftables does not work here: agents have no network but loopback"
    if not any("hook forward" in line and "policy drop" in line for line in chains.splitlines()):
        return None
    return "a firewall here drops forwarded packets: allow interfaces hhv*, or agents have no network but loopback"


def _limits() -> str | None:
    lacking = [name for name in cgroups.CONTROLLERS if name not in cgroups.writable_controllers()]
    if not lacking:
        return None
    return (
        f"control groups for {', '.join(lacking)} cannot be written: limits hold per process only (run as root, "
        "or in a user session of systemd)"
    )


def _lists(state: Path | None) -> str | None:
    if os.geteuid() != 0 or state is None or not state.is_dir():
        return None
    try:
        acl.permissions(state, 0)
    except acl.AclUnsupported as error:
        return error.strerror
    return None


def _nix() -> str | None:
    if shutil.which("nix-instantiate"):
        return None
    return "Nix is missing: agents run, but a changed agent.nix cannot be evaluated (apt install nix-bin)"


def _claude() -> str | None:
    if find_claude() is not None:
        return None
    return "the Claude CLI is missing: agents with driver 'scripted' work (npm install -g @anthropic-ai/claude-code)"
