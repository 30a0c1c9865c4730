"""The `hyperhive.*` options of an agent: the one table of type, default, enforcer and documentation.

An option whose enforcer is `None` is accepted and has no effect yet: decision pages say so.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.containers.protocol import SpecRefused, check_environment
from agents.harness.bash.guard import patterns as bash_patterns
from agents.naming import MANAGER_ALIAS, NameRefused, agent_name
from agents.nixconfig import kinds
from agents.nixconfig.kinds import Kind, OptionError, attributes_of, list_of, nullable, one_of, pattern

__all__ = ["DRIVERS", "OPTIONS", "Option", "OptionError", "defaults", "parse", "without_effect"]

DRIVERS = ("claude", "acp", "scripted")
PREFIX = "hyperhive"


@dataclass(frozen=True)
class Option:
    """One option; `name` is dotted, without the prefix; `enforcer` is the part that makes it so, on the host."""

    name: str
    kind: Kind
    default: Any
    enforcer: str | None
    doc: str

    @property
    def path(self) -> str:
        return f"{PREFIX}.{self.name}"


def _recipient(where: str, value: Any) -> str:
    if value in ("operator", MANAGER_ALIAS):
        return str(value)
    try:
        return agent_name(value)
    except NameRefused as error:
        raise OptionError(f"{where}: {error}") from error


_VARIABLE = pattern(
    "name of a variable",
    "(?!HIVE_|HYPERHIVE_)[A-Za-z_][A-Za-z0-9_]{0,127}",
    "cannot be set: a name is letters, digits and '_', and the hive keeps HIVE_* and HYPERHIVE_* for itself",
)
# Both become words of a command line, where a leading '-' would be an option of its own.
_MODEL = pattern(
    "name of a model",
    r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]{0,199}",
    "is not the name of a model: letters, digits and . _ : / @ + [ ] -, a letter or digit first, at most 200",
)
_TOOL = pattern(
    "rule for a tool",
    r"(?!Bash(?:\(|\Z))[A-Za-z_][^\x00-\x1f\x7f]{0,1999}",
    "is not a rule for a tool such as Read or mcp__bash__run: a letter first, one line; Bash is never given, the shell"
    " is mcp__bash__run, and hyperhive.allowedBashPatterns says what it may run",
)
# One word of a command line has at most 128 KiB (execve(2)), and the hive's own words come before these.
_MAX_INSTRUCTIONS = 64 * 1024
_HIVES_OWN = 1024
"""Bytes of the variables that the hive adds."""


def _instructions(where: str, value: Any) -> str:
    said: str = kinds.text.check(where, value)
    size = len(said.encode(errors="replace"))
    if size > _MAX_INSTRUCTIONS:
        raise OptionError(f"{where} has {size} bytes, at most {_MAX_INSTRUCTIONS}: put the rest into a file to read")
    return said


def _bash_pattern(where: str, value: Any) -> str:
    said: str = kinds.text.check(where, value)
    try:
        bash_patterns.parse(said)
    except bash_patterns.BadPattern as error:
        raise kinds.refuse(where, value, f"is not a pattern for commands: {error}") from error
    return said


def _environment(where: str, value: Any) -> dict[str, str]:
    """What a container takes is known there; to be refused at the start would be too late."""
    found: dict[str, str] = attributes_of(_VARIABLE, kinds.text).check(where, value)
    try:
        check_environment(found, spare=_HIVES_OWN)
    except SpecRefused as error:
        raise OptionError(f"{where}: {error}") from error
    return found


_SERVER_NAME = pattern(
    "name of a server",
    "(?!(?:hive|hyperhive|bash)$)(?!.*__)[A-Za-z][A-Za-z0-9_-]{0,31}",
    "cannot name a server: 1 to 32 letters, digits, '-' or '_', no '__'; 'hive', 'hyperhive' and 'bash' are taken",
)
_LABEL = pattern("label", "[A-Za-z0-9][A-Za-z0-9._=/-]{0,62}", "is not a label: letters, digits and . _ = / -")
_URL = pattern("address", r"https?://[^\s\0]+", "is not an address that begins with http:// or https://")
_SERVER_FIELDS: dict[str, tuple[Kind, Any]] = {
    "command": (nullable(kinds.text), None),
    "args": (list_of(kinds.text), []),
    "env": (attributes_of(_VARIABLE, kinds.text), {}),
    "url": (nullable(_URL), None),
    "headers": (attributes_of(kinds.text, kinds.text), {}),
    "tools": (nullable(list_of(kinds.text)), None),
}


def _server(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise kinds.refuse(where, value, "is not a set; write { command = …; }")
    for field in value:
        if field not in _SERVER_FIELDS:
            raise OptionError(f"{where}.{field} does not exist{_suggestion(field, _SERVER_FIELDS)}")
    server = {
        field: kind.check(f"{where}.{field}", value[field]) if field in value else copy.deepcopy(default)
        for field, (kind, default) in _SERVER_FIELDS.items()
    }
    if (server["command"] is None) == (server["url"] is None):
        raise OptionError(f"{where}: set either command or url")
    return server


_SECONDS = kinds.integer(1, 7 * 24 * 3600)

OPTIONS = (
    Option("driver", one_of(*DRIVERS), None, "harness", "What answers messages. The hive's default where not set."),
    Option("model", nullable(_MODEL), None, "harness", "Model that the driver asks for; null: the driver's own."),
    Option(
        "instructions", Kind(kinds.text.name, _instructions), "", "harness", "Added to the system prompt of every turn."
    ),
    Option(
        "allowedRecipients",
        nullable(list_of(Kind("recipient", _recipient))),
        None,
        "broker",
        "Whom the agent may write to: agents, `manager`, `operator`. null: everyone; []: nobody.",
    ),
    Option(
        "allowedBashPatterns",
        nullable(list_of(Kind("pattern for commands", _bash_pattern))),
        None,
        "harness",
        "Commands that the agent's shell may run. null: everything inside its sandbox; []: nothing.",
    ),
    Option("allowedTools", nullable(list_of(_TOOL)), None, "harness", "Tools that the model gets. null: all."),
    Option(
        "extraMcpServers",
        attributes_of(_SERVER_NAME, Kind("MCP server", _server)),
        {},
        "harness",
        "Further MCP servers: `command`, `args`, `env`, or `url`, `headers`; `tools` (null: all of the server's). A"
        " word that begins with ./ names a file of this repository, as approved.",
    ),
    Option("memoryMax", kinds.size, "2G", "containers", "Memory that the container may use."),
    Option("cpuQuota", kinds.percent, "50%", "containers", "Processor time; 100% is one processor."),
    Option(
        "environment",
        Kind(attributes_of(_VARIABLE, kinds.text).name, _environment),
        {},
        "containers",
        "Variables of every process. No secrets.",
    ),
    Option("gui.enable", kinds.boolean, False, "containers", "Whether the agent has a screen, seen in the dashboard."),
    Option(
        "network",
        one_of("private", "host"),
        "private",
        "containers",
        "`private`: a network of its own, outward only. `host`: the machine's own network.",
    ),
    Option("egress", nullable(list_of(kinds.text)), None, None, "Hosts that can be reached. null: all but this one."),
    Option("privateUsers", kinds.boolean, True, None, "Whether root in the container is nobody on the host."),
    Option("nixDaemon.enable", kinds.boolean, False, None, "Whether the agent may use the host's Nix daemon."),
    Option(
        "autoCompact", kinds.integer(1, 100), 75, "harness", "Percent of the context at which a session is compacted."
    ),
    Option("turnTimeout", _SECONDS, 3600, "harness", "Seconds after which a turn is ended."),
    Option("idleTimeout", nullable(_SECONDS), None, "harness", "Seconds without output after which a turn is ended."),
    Option(
        "notesLimit", kinds.integer(4096, 1024**2), 64 * 1024, "harness", "Bytes past which `notes.md` is made shorter."
    ),
    Option(
        "claude.persistent",
        kinds.boolean,
        True,
        "harness",
        "One process of the Claude CLI for many turns, which is cheaper; false: one for each turn.",
    ),
    Option(
        "acp.command",
        list_of(kinds.text),
        [],
        "harness",
        'The agent of driver "acp" and its arguments, such as `[ "gemini" "--acp" ]`; it must be on PATH.',
    ),
    Option("budget.tokensPerDay", nullable(kinds.amount), None, "budgets", "Tokens a day (UTC). null: no limit."),
    Option("budget.costPerDay", nullable(kinds.amount), None, "budgets", "US dollars a day (UTC). null: no limit."),
    Option("budget.turnsPerDay", nullable(kinds.amount), None, "budgets", "Turns a day (UTC). null: no limit."),
    Option("placement.labels", list_of(_LABEL), [], None, "Labels that the host of the agent must carry."),
    Option("project", nullable(kinds.text), None, None, "The project that the agent belongs to."),
)
_BY_NAME = {option.name: option for option in OPTIONS}
_GROUPS = {option.name.partition(".")[0] for option in OPTIONS if "." in option.name}


def defaults(driver: str) -> dict[str, Any]:
    """Every option at its default: dotted name → value."""
    values = {option.name: copy.deepcopy(option.default) for option in OPTIONS}
    return {**values, "driver": _BY_NAME["driver"].kind.check("the default driver", driver)}


def parse(raw: Mapping[str, Any], *, default_driver: str) -> dict[str, Any]:
    """Every option, checked, as dotted name → value; `raw` is what `agent.nix` sets, nested as Nix has it.

    Raises `OptionError` for a value that is not of its type and for an option that does not exist.
    """
    values = defaults(default_driver)
    for name, value in _flattened(raw):
        if name not in _BY_NAME:
            raise OptionError(f"{PREFIX}.{name} does not exist{_suggestion(name, _BY_NAME)}")
        values[name] = _BY_NAME[name].kind.check(_BY_NAME[name].path, value)
    return values


def without_effect(raw: Mapping[str, Any]) -> list[str]:
    """Full names of the options that are set and that nothing enforces yet."""
    return [_BY_NAME[name].path for name, _ in _flattened(raw) if name in _BY_NAME and not _BY_NAME[name].enforcer]


def _flattened(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if name not in _GROUPS:
            yield name, value
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", inner_value) for inner, inner_value in value.items())
        else:
            raise kinds.refuse(f"{PREFIX}.{name}", value, "is not a set; write { … }")


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else f"; the options are {', '.join(known)}"
