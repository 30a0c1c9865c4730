"""What a value of an option may be: each kind names itself, and refuses anything else with a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SIZE = re.compile(r"([1-9][0-9]{0,14})([KMGT]?)\Z")
_PERCENT = re.compile(r"([1-9][0-9]{0,4})%\Z")
_FACTORS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SMALLEST_MEMORY, _LARGEST_MEMORY = 64 * 1024**2, 1024**5


class OptionError(ValueError):
    """A configuration that says something it cannot say; the text names the option, the value and the rule."""


@dataclass(frozen=True)
class Kind:
    """`name` is shown in the documentation; `check(where, value)` returns the value or raises `OptionError`."""

    name: str
    check: Callable[[str, Any], Any]


def refuse(where: str, value: Any, rule: str) -> OptionError:
    said = f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return OptionError(f"{where}: {said if len(said) <= 80 else said[:80] + '…'} {rule}")


def matching(name: str, accepts: Callable[[Any], bool], rule: str) -> Kind:
    def check(where: str, value: Any) -> Any:
        if not accepts(value):
            raise refuse(where, value, rule)
        return value

    return Kind(name, check)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


text = matching("string", _is_text, 'is not a string; write it in quotes, as in "text"')
boolean = matching("boolean", lambda value: isinstance(value, bool), "is neither true nor false")
size = matching(
    "size",
    lambda value: (
        isinstance(value, str) and bool(_SIZE.match(value)) and _SMALLEST_MEMORY <= size_bytes(value) < _LARGEST_MEMORY
    ),
    "is not a size such as 512M or 2G (at least 64M, less than 1024T)",
)
percent = matching(
    "percentage",
    lambda value: isinstance(value, str) and bool(_PERCENT.match(value)),
    "is not a percentage such as 50% or 200%",
)
amount = matching(
    "number",
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0,
    "is not a number of 0 or more",
)


def size_bytes(value: str) -> int:
    """Bytes of a size such as `2G`."""
    found = _SIZE.match(value)
    if not found:
        raise ValueError(f"{value!r} is not a size")
    return int(found[1]) * _FACTORS[found[2]]


def cpu_fraction(value: str) -> float:
    """Processors of a quota: `50%` is 0.5."""
    return int(value.rstrip("%")) / 100


def integer(least: int, most: int) -> Kind:
    rule = f"is not a whole number from {least} to {most}"
    return matching("integer", lambda value: _is_integer(value) and least <= value <= most, rule)


def one_of(*choices: str) -> Kind:
    rule = f"is not one of {', '.join(choices)}"
    return matching(f"one of {', '.join(choices)}", lambda value: value in choices, rule)


def pattern(name: str, expression: str, rule: str) -> Kind:
    compiled = re.compile(rf"(?:{expression})\Z")
    return matching(name, lambda value: isinstance(value, str) and bool(compiled.match(value)), rule)


def nullable(kind: Kind) -> Kind:
    return Kind(f"null or {kind.name}", lambda where, value: None if value is None else kind.check(where, value))


def list_of(kind: Kind) -> Kind:
    def check(where: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refuse(where, value, f"is not a list of {kind.name}; write [ … ]")
        return [kind.check(f"{where}[{number}]", item) for number, item in enumerate(value)]

    return Kind(f"list of {kind.name}", check)


def attributes_of(key: Kind, kind: Kind) -> Kind:
    def check(where: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refuse(where, value, f"is not a set of {kind.name}; write {{ name = …; }}")
        return {key.check(where, name): kind.check(f"{where}.{name}", item) for name, item in value.items()}

    return Kind(f"set of {kind.name}", check)
