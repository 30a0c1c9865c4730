"""What the rest of the hive may ask of a container, whatever makes it.

Everything that crosses the boundary to the privileged side is checked here, when it is made and once more when it
is read back from JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

from agents.naming import NameRefused, agent_name, is_manager

DRIVERS = ("claude", "scripted", "acp")
NETWORKS = ("private", "host")
MAX_ENVIRONMENT = 64 * 1024
MAX_CHILDREN = 500

Lines = list[str]

_MEMORY = re.compile(r"([1-9][0-9]{0,14})([KMGT]?)\Z")
_CPU = re.compile(r"([1-9][0-9]{0,4})%\Z")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LEAST_MEMORY = 32 << 20
# Shells refuse to set these, and would then not start the agent.
SHELL_OWNED = frozenset(["UID", "EUID", "GID", "EGID", "PPID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO", "IFS"])


class SpecRefused(ValueError):
    """A container description that cannot be accepted; the text names the field and the rule."""


class VerbRefused(Exception):
    """The privileged side will not do this: a bad name, argument or state. Nothing was changed."""


class VerbFailed(Exception):
    """The privileged side tried and could not.

    `log` holds the container's last lines where there are any; `retryable`: the same call may work in a moment.
    """

    def __init__(self, text: str, log: Sequence[str] = (), *, retryable: bool = False) -> None:
        self.log = tuple(log)
        self.retryable = retryable
        super().__init__(text)


class ContainerFailed(Exception):
    """A container could not be started or stopped; `log` holds its last lines."""

    def __init__(self, name: str, text: str, log: Sequence[str] = ()) -> None:
        self.name = name
        self.log = tuple(log)
        super().__init__("\n".join([f"{name}: {text}", *self.log]))
        self.text = text


@dataclass(frozen=True)
class ContainerSpec:
    """How one agent's container is to be started. Raises `SpecRefused` or `NameRefused`."""

    name: str
    driver: str
    network: str
    memory_max: str
    cpu_quota: str
    environment: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    gui: bool = False

    def __post_init__(self) -> None:
        agent_name(self.name)
        _one_of("driver", self.driver, DRIVERS)
        _one_of("network", self.network, NETWORKS)
        memory_bytes(self.memory_max)
        cpu_percent(self.cpu_quota)
        check_environment(self.environment)
        _check_children(self.name, self.children)
        if not isinstance(self.gui, bool):
            raise SpecRefused("gui must be true or false")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "environment": dict(self.environment), "children": list(self.children)}

    @classmethod
    def from_json(cls, value: object) -> ContainerSpec:
        if not isinstance(value, dict):
            raise SpecRefused("a container description is a JSON object")
        known = {item.name for item in fields(cls)}
        wrong = set(map(str, value)) ^ known
        if wrong - {"environment", "children", "gui"} or not set(map(str, value)) <= known:
            raise SpecRefused(f"a container description has exactly these fields: {', '.join(sorted(known))}")
        children = value.get("children", [])
        if not isinstance(children, list):
            raise SpecRefused("children must be a list of names")
        return cls(**{**value, "children": tuple(children)})


@dataclass(frozen=True)
class ExitStatus:
    """How a container's last run ended.

    `code` is the exit code, or None after a signal; `at` is seconds since 1970; `oom`: the kernel ended it for want
    of memory; `intended`: the hive had asked for the end.
    """

    code: int | None
    signal: int | None
    at: float
    oom: bool = False
    intended: bool = False


class Containers(Protocol):
    def create(self, name: str) -> None:
        """Make the agent's folders, with their owners. Doing it again changes nothing."""

    def start(self, spec: ContainerSpec) -> None:
        """Return when the harness runs; raise `ContainerFailed`. A container that runs already is left alone."""

    def stop(self, name: str, grace: float = 10) -> None:
        """Return when nothing of the agent is alive; it gets `grace` seconds to end by itself. Idempotent."""

    def drain(self, name: str) -> None:
        """Ask the harness to finish its turn and end. Returns at once."""

    def update(self, spec: ContainerSpec) -> None:
        """Take new limits and options; under `local` they hold from the next start."""

    def destroy(self, name: str) -> None:
        """Stop, and forget everything but the agent's folders."""

    def purge(self, name: str) -> None:
        """Remove the agent's folders for good. Refused while it runs."""

    def list(self) -> list[str]:
        """Names of the agents that have a container."""

    def is_running(self, name: str) -> bool:
        """The kernel's view: the shim holds its lock and the container's first process is alive."""

    def exit_status(self, name: str) -> ExitStatus | None:
        """How the last run ended; None while it runs and before the first run."""

    def logs(self, name: str, lines: int = 200) -> Lines:
        """The last lines the container wrote, without control characters."""

    def entry(self, name: str) -> str | None:
        """The command line by which the host's owner gets a shell inside; None while it does not run."""

    def freeze(self, name: str) -> None:
        """Hold every process of the container."""

    def thaw(self, name: str) -> None:
        """Let them go on."""

    def hold(self, names: Sequence[str], *, frozen: bool) -> dict[str, str]:
        """Freeze or thaw all of these; name → reason for each that could not be."""


def memory_bytes(text: str) -> int:
    """`2G` as bytes; K, M, G, T are powers of 1024."""
    match = _MEMORY.match(text) if isinstance(text, str) else None
    if match is None:
        raise SpecRefused(f"memory limit {text!r} is not a number with K, M, G or T, such as '2G'")
    value = int(match[1]) * _UNITS[match[2]]
    if not _LEAST_MEMORY <= value < 1 << 50:
        raise SpecRefused(f"memory limit {text!r} is out of range: at least 32M, less than 1024T")
    return value


def cpu_percent(text: str) -> int:
    """`50%` as 50; 100 is one whole processor."""
    match = _CPU.match(text) if isinstance(text, str) else None
    if match is None:
        raise SpecRefused(f"CPU quota {text!r} is not a whole percentage such as '50%' (100% is one processor)")
    return int(match[1])


def _one_of(label: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SpecRefused(f"{label} {value!r} is unknown; it is one of {', '.join(allowed)}")


def check_environment(environment: object, *, spare: int = 0) -> None:
    """Raise `SpecRefused` for variables that a container cannot be given; `spare` bytes are kept for others."""
    if not isinstance(environment, Mapping):
        raise SpecRefused("environment must be an object of texts")
    for key, value in environment.items():
        if not isinstance(key, str) or not _KEY.match(key) or key in SHELL_OWNED:
            raise SpecRefused(f"environment variable {str(key)[:80]!r} is not allowed: letters, digits and '_' only")
        if not isinstance(value, str) or "\0" in value:
            raise SpecRefused(f"environment variable {key} must be a text without NUL")
    if (
        sum(len(key) + len(value.encode(errors="replace")) for key, value in environment.items())
        > MAX_ENVIRONMENT - spare
    ):
        raise SpecRefused(f"the environment is larger than {MAX_ENVIRONMENT - spare} bytes")


def _check_children(name: str, children: tuple[str, ...]) -> None:
    if children and not is_manager(name):
        raise SpecRefused(f"only the manager sees other agents' folders, not {name!r}")
    if len(children) > MAX_CHILDREN:
        raise SpecRefused(f"more than {MAX_CHILDREN} children")
    for child in children:
        if is_manager(agent_name(child)):
            raise NameRefused("the manager is not a child of its own")
