"""Units of the container that run as root."""

from __future__ import annotations

from collections import defaultdict

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.structure import Binding, Path
from approvals.risks.nix.tokens import Kind
from approvals.risks.wording import named

_HARNESS = ("hive-ag3nt", "hive-m1nd")
_SCRIPTS = ("script", "preStart", "postStart", "preStop", "postStop", "reload")
_ROOT = ("root", "0")
_FULL_POWER = ("+", "!", "-+", "-!", "@+", "@!", ":+", ":!")


def _services(source: Source) -> Findings:
    units: dict[str, list[tuple[Binding, Path]]] = defaultdict(list)
    for binding, path in source.option_bindings():
        if path[:2] == ("systemd", "services") and len(path) > 2:
            units[path[2] or "<computed>"].append((binding, path[3:]))
    for name, parts in units.items():
        why = _reason(source, name, parts)
        if why:
            yield parts[0][0].start, f"systemd.services.{named(name)}{why}"


def _reason(source: Source, name: str, parts: list[tuple[Binding, Path]]) -> str | None:
    if name in _HARNESS:
        return " (the agent's own harness)"
    if any(_has_full_power(source, binding) for binding, path in parts if _is_command(path)):
        return " with a command that ignores its user"
    runs = any(_is_command(path) or _is_opaque(binding, path) for binding, path in parts)
    users = [source.value(binding) for binding, path in parts if path[-1:] == ("User",)]
    ordinary = bool(users) and not any(
        token.text in _ROOT or token.kind is Kind.OPEN for user in users for token in user
    )
    dynamic = any(path[-1:] == ("DynamicUser",) and _is_true(source, binding) for binding, path in parts)
    return None if not runs or ordinary or (dynamic and not users) else " as root"


def _is_command(path: Path) -> bool:
    return path[:1] in tuple((script,) for script in _SCRIPTS) or (path[-1] or "").startswith("Exec") if path else False


def _is_opaque(binding: Binding, path: Path) -> bool:
    """A unit, or its serviceConfig, that is not written out."""
    return path in ((), ("serviceConfig",)) and not binding.nested


def _has_full_power(source: Source, binding: Binding) -> bool:
    texts = [token.text for token in source.value(binding) if token.kind in (Kind.STRING, Kind.TEXT)]
    return any(text.startswith(_FULL_POWER) for text in texts)


def _is_true(source: Source, binding: Binding) -> bool:
    return any(token.is_word("true") for token in source.value(binding))


RULES = (Rule("root-service", "high", "It runs a program with all rights in the container.", _services),)
