"""The small files of /etc that are made for each container."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from agents.naming import container_name, host_uid

_RESOLVERS = (
    Path("/etc/resolv.conf"),
    Path("/run/systemd/resolve/resolv.conf"),
    Path("/run/NetworkManager/resolv.conf"),
)


def files(name: str, nameservers: list[str]) -> dict[str, str]:
    """Path inside → text."""
    uid, container = host_uid(name), container_name(name)
    home = f"/home/{name}"
    return {
        "/etc/passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n{name}:x:{uid}:{uid}:{name}:{home}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "/etc/group": f"root:x:0:\ntty:x:5:\n{name}:x:{uid}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {container}\n",
        "/etc/hostname": f"{container}\n",
        "/etc/resolv.conf": "".join(f"nameserver {server}\n" for server in nameservers),
    }


def nameservers(network: str, resolvers: tuple[Path, ...] = _RESOLVERS) -> list[str]:
    """The host's name servers that can be reached from inside: all of them in `host`, else no loopback, no IPv6."""
    for path in resolvers:
        try:
            text = path.read_text()
        except OSError:
            continue
        words = [line.split() for line in text.splitlines()]
        named = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
        usable = [server for server in named if network == "host" or _reachable(server)]
        if usable:
            return usable[:3]
    return []


def _reachable(server: str) -> bool:
    try:
        address = ipaddress.ip_address(server)
    except ValueError:
        return False
    return address.version == 4 and not address.is_loopback
