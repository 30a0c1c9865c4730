"""Options of the container's system that give power over it, or over the machine."""

from __future__ import annotations

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.structure import Binding, Path
from approvals.risks.nix.tokens import Kind
from approvals.risks.options.environment import reason
from approvals.risks.wording import named

_PROTECTED: tuple[tuple[str, ...], ...] = (
    *(("users",), ("security",), ("boot",), ("virtualisation",), ("containers",), ("fileSystems",), ("swapDevices",)),
    *(("hardware",), ("system", "activationScripts"), ("system", "userActivationScripts"), ("systemd", "tmpfiles")),
    *(("systemd", "nspawn"), ("systemd", "generators"), ("programs", "nix-ld"), ("services", "openssh")),
    *(
        ("services", "cron"),
        ("services", "udev"),
        ("services", "getty"),
        ("services", "dbus"),
        ("services", "hyperhive"),
    ),
    *(("networking", name) for name in ("firewall", "nftables", "nat", "hosts", "extraHosts", "nameservers", "proxy")),
    *(("networking", name) for name in ("interfaces", "bridges", "wireguard", "useHostResolvConf")),
    *(("nix", name) for name in ("settings", "extraOptions", "buildMachines", "package", "trustedUsers", "useSandbox")),
    *(("environment", "etc", name) for name in ("passwd", "shadow", "group", "sudoers", "ld-nix.so.preload", "hosts")),
)
_HARMLESS = (("nix", "settings", "experimental-features"),)
_FOLDERS = ("pam.d/", "sudoers.d/", "ssh/", "nix/", "systemd/", "profile", "bashrc", "hyperhive/")
_VARIABLES = ("variables", "sessionVariables", "profileRelativeEnvVars")
_PARTLY = frozenset(path[0] for path in _PROTECTED if len(path) > 1)
_NAMES = frozenset(["users", "security", "boot", "virtualisation", "networking", "systemd", "nixpkgs"])
_COMPUTING = frozenset(
    ["setAttrByPath", "listToAttrs", "nameValuePair", "genAttrs", "mapAttrs'", "fromJSON", "fromTOML"]
)


def _powers(source: Source) -> Findings:
    for binding, path in source.option_bindings():
        if _is_protected(path) or _is_system_file(path) or _is_variable(path):
            yield _at(binding), _shown(path)


def _is_protected(path: Path) -> bool:
    if any(_begins(path, harmless) for harmless in _HARMLESS):
        return False
    return any(len(path) >= len(option) and _begins(path, option) for option in _PROTECTED)


def _begins(path: Path, option: tuple[str, ...]) -> bool:
    """A computed part may be anything, but the first part must be named."""
    return path[0] == option[0] and all(part in (None, name) for part, name in zip(path, option, strict=False))


def _is_system_file(path: Path) -> bool:
    return path[:2] == ("environment", "etc") and len(path) > 2 and (path[2] or "").startswith(_FOLDERS)


def _is_variable(path: Path) -> bool:
    variable = path[0] == "environment" and len(path) > 2 and path[1] in _VARIABLES
    return variable and (path[2] is None or reason(path[2]) is not None)


def _computed_names(source: Source) -> Findings:
    """Names of such options as text, in a file that makes names out of text; and names that are computed outright."""
    if _COMPUTING & source.mentioned:
        for at, token in enumerate(source.tokens):
            if token.kind is Kind.STRING and token.text in _NAMES and source.within(at)[:1] != ("hyperhive",):
                yield at, f'"{token.text}"'
    for binding, path in source.option_bindings():
        if path[0] is None:
            yield _at(binding), _shown(path)


def _whole_sets(source: Source) -> Findings:
    """`networking = f x;`: which options that sets cannot be read here."""
    for binding, path in source.option_bindings():
        if len(path) == 1 and path[0] in _PARTLY and not binding.nested and not _is_empty(source, binding):
            yield _at(binding), _shown(path)


def _is_empty(source: Source, binding: Binding) -> bool:
    return [token.text for token in source.value(binding)] == ["{", "}"]


def _at(binding: Binding) -> int:
    """The token before a value: the `=`, or the name itself in `inherit`."""
    return binding.start if binding.inherited else max(binding.start - 1, 0)


def _shown(path: Path) -> str:
    return named(".".join("<computed>" if part is None else part for part in path))


RULES = (
    Rule("privileges", "high", "It gives power over the container's system, its users or its network.", _powers),
    Rule("computed-option", "high", "Which option it sets cannot be read from the text.", _computed_names),
    Rule(
        "whole-set",
        "notice",
        "It sets a whole group of options, some of which give power over the system.",
        _whole_sets,
    ),
)
