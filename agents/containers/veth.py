"""A network for a sandbox as root: a pair of virtual interfaces and one nftables table for all agents.

Outward only: what an agent sends to an address of the host, to its cloud or to another agent is dropped, nothing
reaches it but answers and what the host itself begins, and there is no IPv6. The pair goes away with the sandbox's
namespace.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents import command
from agents.naming import container_name, fnv1a

PREFIX = "hhv"
TABLE = "hyperhive"
OPENED = "opened"
"""The interfaces for which forwarding was turned on here: still nothing but agents' packets passes through them."""

_LOCK = Path("/run/hyperhive-network.lock")
_REMEMBERED = Path("/run/hyperhive-network.opened")
_SECONDS = 20.0
_RANGES = [ipaddress.IPv4Network(f"10.{number}.0.0/16") for number in (213, *range(214, 250), *range(99, 120))]
_PROC = Path("/proc/sys/net")
_LINK_LOCAL = "169.254.0.0/16"
"""Where clouds tell a machine its own secrets (and some, by port 53, names)."""

_RULES = """
table inet {table} {{}}
flush table inet {table}
table inet {table} {{
  set {opened} {{ type ifname; }}
  chain prerouting {{
    type filter hook prerouting priority mangle; policy accept;
    iifname != "{prefix}*" accept
    meta nfproto ipv6 drop
    ct state established,related accept
    fib daddr type {{ local, broadcast, multicast }} drop
    ip daddr {{ {ranges} }} drop
    ip daddr {link_local} meta l4proto != {{ tcp, udp }} drop
    ip daddr {link_local} tcp dport != 53 drop
    ip daddr {link_local} udp dport != 53 drop
  }}
  chain input {{
    type filter hook input priority filter - 5; policy accept;
    iifname "{prefix}*" ct state established,related accept
    iifname "{prefix}*" drop
  }}
  chain forward {{
    type filter hook forward priority filter - 5; policy accept;
    iifname "{prefix}*" oifname "{prefix}*" drop
    oifname "{prefix}*" ct state established,related accept
    oifname "{prefix}*" drop
    iifname @{opened} oifname != "{prefix}*" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {{ {ranges} }} oifname != "{prefix}*" masquerade
  }}
}}
"""


class NetworkUnavailable(Exception):
    """No network can be given; the text says what is missing."""


@contextmanager
def reserved(hive: str, name: str) -> Iterator[Callable[[int], list[str]]]:
    """Choose an address and see that the guards stand; what is yielded connects the sandbox of a first process.

    It returns lines for the container's log; where anything fails, the one that says so. `hive` tells two hives of
    one machine apart.
    """
    interface = f"{PREFIX}{fnv1a(f'{hive}|{name}'):08x}"
    with _alone():
        try:
            _delete(interface)
            routes = _routes()
            subnet = choose(name, routes)
            _guard(subnet, routes)
        except (command.CommandFailed, NetworkUnavailable, OSError) as error:
            failed = _unavailable(error)
            yield lambda _: failed
            return
        yield lambda init: _connected(interface, name, subnet, init, routes)


def _connected(
    interface: str, name: str, subnet: ipaddress.IPv4Network, init: int, routes: list[dict[str, Any]]
) -> list[str]:
    try:
        _connect(interface, name, subnet, init)
        return _forwarding(interface, routes)
    except (command.CommandFailed, OSError) as error:
        return _unavailable(error)


def _unavailable(error: Exception) -> list[str]:
    return [f"no network but loopback: {error}"]


def choose(name: str, routes: list[dict[str, Any]]) -> ipaddress.IPv4Network:
    """A free /30 in the first range that nothing else on this host uses; the same one each time where it is free."""
    used = _agents_networks(routes)
    foreign = [network for network in map(_destination, _foreign(routes)) if network is not None]
    for wide in _RANGES:
        if any(wide.overlaps(network) for network in foreign):
            continue
        count = wide.num_addresses // 4
        for step in range(count):
            subnet = ipaddress.IPv4Network((int(wide[0]) + (fnv1a(name) + step) % count * 4, 30))
            if subnet not in used:
                return subnet
    raise NetworkUnavailable("every address range that agents could use (10.x.0.0/16) is in use on this host")


def _guard(subnet: ipaddress.IPv4Network, routes: list[dict[str, Any]]) -> None:
    ranges = {network.supernet(new_prefix=16) for network in {*_agents_networks(routes), subnet}}
    rules = _RULES.format(
        table=TABLE, prefix=PREFIX, opened=OPENED, ranges=", ".join(sorted(map(str, ranges))), link_local=_LINK_LOCAL
    )
    _nft(rules)


def _connect(interface: str, name: str, subnet: ipaddress.IPv4Network, init: int) -> None:
    host, agent = subnet[1], subnet[2]
    _batch(
        ["ip", "-batch", "-"],
        f"link add {interface} type veth peer name eth0 netns {init}",
        f"link set {interface} alias hyperhive-{container_name(name)} addrgenmode none up",
        f"address add {host}/30 dev {interface}",
    )
    _batch(
        ["nsenter", f"--net=/proc/{init}/ns/net", "ip", "-batch", "-"],
        f"address add {agent}/30 dev eth0",
        "link set eth0 addrgenmode none up",
        f"route add default via {host}",
    )


def _forwarding(interface: str, routes: list[dict[str, Any]]) -> list[str]:
    """Let packets pass between this interface and those that lead outward.

    Where the machine forwards nothing, that stays so for everything but agents.
    """
    if (_PROC / "ipv4/conf/all/forwarding").read_text().strip() == "1":
        _REMEMBERED.unlink(missing_ok=True)
        _nft(f"flush set inet {TABLE} {OPENED}")
        return []
    _forward(interface)
    outward = {str(route["dev"]) for route in routes if "dev" in route and route.get("type") in (None, "unicast")}
    names = sorted(name for name in outward - {"lo"} if not name.startswith(PREFIX))
    closed = [name for name in names if not _forwards(name)]
    _guard_opened(closed)
    for name in closed:
        _forward(name)
    return [f"turned on IPv4 forwarding for {name}, to and from agents only" for name in closed]


def _guard_opened(closed: list[str]) -> None:
    """Guard what is opened now and whatever was before: the rules may have been flushed meanwhile, forwarding stays."""
    before = set(_REMEMBERED.read_text().split()) if _REMEMBERED.exists() else set()
    opened = sorted({*closed, *(name for name in before if Path("/sys/class/net", name).exists())})
    if opened:
        _REMEMBERED.write_text("\n".join(opened))
        _nft(f"add element inet {TABLE} {OPENED} {{ {', '.join(map(json.dumps, opened))} }}")


def _forwards(interface: str) -> bool:
    file = _PROC / "ipv4/conf" / interface / "forwarding"
    return not file.exists() or file.read_text().strip() == "1"


def _forward(interface: str) -> None:
    (_PROC / "ipv4/conf" / interface / "forwarding").write_text("1")


def _nft(text: str) -> None:
    command.run(["nft", "-f", "-"], timeout=_SECONDS, input=text.encode())


def _delete(interface: str) -> None:
    """A run that ended a moment ago may still have it."""
    if Path("/sys/class/net", interface).exists():
        command.run(["ip", "link", "delete", interface], timeout=_SECONDS)


def _routes() -> list[dict[str, Any]]:
    text = command.run(["ip", "-j", "-4", "route", "show", "table", "all"], timeout=_SECONDS).text
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return found


def _foreign(routes: list[dict[str, Any]]) -> Iterator[str]:
    for route in routes:
        if not str(route.get("dev", "")).startswith(PREFIX) and route.get("dst") != "default":
            yield str(route.get("dst"))


def _destination(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _agents_networks(routes: list[dict[str, Any]]) -> set[ipaddress.IPv4Network]:
    ours = [_destination(str(route.get("dst"))) for route in routes if str(route.get("dev", "")).startswith(PREFIX)]
    return {network for network in ours if network is not None and network.prefixlen == 30}


def _batch(argv: list[str], *lines: str) -> None:
    command.run(argv, timeout=_SECONDS, input="".join(f"{line}\n" for line in lines).encode())


@contextmanager
def _alone() -> Iterator[None]:
    """Choosing an address and taking it is one step, for all hives of the machine."""
    fd = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
