"""What stands between the agent and the machine."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.risks.change import Change
from approvals.risks.flags import Flag, Level


def host_network(change: Change) -> Iterator[Flag]:
    before, after = change.option("network")
    if after == "host" and before != "host":
        why = "Services of this machine that listen on 127.0.0.1 trust whoever can reach them; the agent then can."
        level: Level = "high" if change.backend == "local" else "notice"
        yield Flag("host-network", level, "hyperhive.network", f"The machine's own network. {why}")


def nix_daemon(change: Change) -> Iterator[Flag]:
    before, after = change.option("nixDaemon.enable")
    if after and not before:
        why = "It can then build and download on the host, outside its own sandbox."
        yield Flag("nix-daemon", "high", "hyperhive.nixDaemon.enable", f"The agent gets the host's Nix daemon. {why}")


def private_users(change: Change) -> Iterator[Flag]:
    before, after = change.option("privateUsers")
    if before and not after:
        why = "Whoever breaks out of the container is then root on the machine."
        yield Flag(
            "private-users", "high", "hyperhive.privateUsers", f"Root in the container is root on the host. {why}"
        )
