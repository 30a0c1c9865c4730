"""Names, ports and user ids of agents: pure functions of the name, no state file.

Everything that takes a name from outside passes it through `agent_name` or `spawnable_name` first: names enter
paths, unit names, Nix strings and argument lists.
"""

from __future__ import annotations

import re

MANAGER = "hm1nd"
MANAGER_ALIAS = "manager"
MAX_NAME = 9
RESERVED = frozenset(
    [
        *("operator", "manager", "system", "external", "root", "nobody", "hyperhive"),
        *("daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "backup", "list"),
        *("irc", "gnats", "sshd", "www-data", "polkitd"),
    ]
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,8}\Z")
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619
_PORT_RANGE = 900
_UID_BASE, _UID_RANGE = 1_000_000_000, 500_000_000
UIDS = range(_UID_BASE, _UID_BASE + _UID_RANGE)
"""What `host_uid` can be."""


class NameRefused(ValueError):
    """A name that cannot be an agent's; the text says why and names the limit."""


def agent_name(name: str) -> str:
    """Return `name` if it can belong to an agent, the manager included; else raise `NameRefused`."""
    if not isinstance(name, str) or not name:
        raise NameRefused("an agent needs a name: 1 to 9 characters of a-z, 0-9 and '-'")
    if len(name) > MAX_NAME:
        raise NameRefused(f"agent name {name[:40]!r} is too long ({len(name)} characters); the limit is {MAX_NAME}")
    if not _NAME.match(name) or name.endswith("-"):
        raise NameRefused(
            f"agent name {name!r} is not allowed: a letter a-z first, then a-z, 0-9 or '-', no '-' at the end"
        )
    if name in RESERVED:
        raise NameRefused(f"agent name {name!r} is reserved; choose another")
    return name


def spawnable_name(name: str) -> str:
    """Like `agent_name`, and refuses the manager, which the hive starts by itself."""
    if name == MANAGER:
        raise NameRefused(f"{MANAGER!r} is the manager: the hive starts it by itself, it cannot be spawned")
    return agent_name(name)


def resolve_alias(recipient: str) -> str:
    """`manager` names the manager wherever a recipient is named."""
    return MANAGER if recipient == MANAGER_ALIAS else recipient


def is_manager(name: str) -> bool:
    return name == MANAGER


def container_name(name: str) -> str:
    """Name of the container: at most 11 characters, since it enters interface names."""
    return name if is_manager(name) else f"h-{name}"


def fnv1a(name: str) -> int:
    """FNV-1a, 32 bits, over the name's UTF-8 bytes."""
    value = _FNV_OFFSET
    for byte in name.encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value


def web_port(name: str) -> int:
    """The agent's own web port, 8100 to 8999."""
    return 8100 + fnv1a(name) % _PORT_RANGE


def vnc_port(name: str) -> int:
    """The port of the agent's compositor, 15900 to 16799."""
    return 15900 + fnv1a(name) % _PORT_RANGE


def display(name: str) -> int:
    """Number of the agent's X display; its own, since in the host's network displays can be seen by all."""
    return 100 + fnv1a(name) % _PORT_RANGE


def host_uid(name: str) -> int:
    """User and group id of the agent on the host when the hive runs as root.

    Inside systemd's range for containers (0x80000 to 0x6FFFFFFF), so that no person or service has it.
    """
    return _UID_BASE + fnv1a(name) % _UID_RANGE


def git_identity(name: str) -> tuple[str, str]:
    """(user.name, user.email) of an agent's commits."""
    return name, f"{name}@hyperhive"
