"""Which network an agent gets here, and what to say where there is none."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from agents.command import clean_environment
from agents.containers import etc

SLIRP_RESOLVER = "10.0.2.3"
CARRIERS = ("pasta", "slirp4netns")


@dataclass(frozen=True)
class Choice:
    """`kind`: `host`, `veth`, `pasta`, `slirp4netns` or `none`; `tool` is the carrier's path."""

    kind: str
    tool: str | None = None
    note: str | None = None

    def nameservers(self) -> list[str]:
        if self.kind == "none":
            return []
        return [SLIRP_RESOLVER] if self.kind == "slirp4netns" else etc.nameservers(self.kind)


def choose(network: str) -> Choice:
    """For `private` or `host`, what this process can give. Outward access is never given without the guards."""
    if network == "host":
        return Choice("host")
    path = clean_environment()["PATH"]
    if os.geteuid() == 0:
        missing = [tool for tool in ("ip", "nft", "nsenter") if shutil.which(tool, path=path) is None]
        return Choice("none", note=_root_needs(missing)) if missing else Choice("veth")
    for name in CARRIERS:
        tool = shutil.which(name, path=path)
        if tool is not None and os.access("/dev/net/tun", os.R_OK | os.W_OK):
            return Choice(name, tool)
    return Choice("none", note=_user_needs(path))


def _root_needs(missing: list[str]) -> str:
    packages = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"}
    names = " ".join(packages[tool] for tool in missing)
    return f"no network but loopback: {', '.join(missing)} is missing (apt install {names})"


def _user_needs(path: str) -> str:
    if any(shutil.which(name, path=path) for name in CARRIERS):
        return "no network but loopback: /dev/net/tun cannot be opened (modprobe tun; mode 0666)"
    return "no network but loopback: install passt (or slirp4netns) and restart the agent"
