"""As much of JSON Schema as frames and tool arguments need, with errors that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_LARGEST = 2**63 - 1
_NONE: Mapping[str, Schema] = {}
_known: dict[int, tuple[Mapping[str, Schema], dict[str, Any]]] = {}


class FieldRefused(Exception):
    """A field that is missing or wrong; the text names it and says what it must be."""


def check(schema: Schema, values: Mapping[str, Any], *, closed: bool) -> dict[str, Any]:
    """The values of the schema's properties, with defaults filled in. Unknown ones are refused where `closed`."""
    properties: Mapping[str, Schema] = schema.get("properties", _NONE)
    for name in schema.get("required", ()):
        if name not in values:
            raise FieldRefused(f"{name!r} is missing")
    checked = _defaults(properties).copy()
    for name, value in values.items():
        rule = properties.get(name)
        if rule is not None:
            _check(name, rule, value)
            checked[name] = value
        elif closed:
            raise FieldRefused(f"{name[:60]!r} is not known; there are: {', '.join(properties) or 'none'}")
    return checked


def _defaults(properties: Mapping[str, Schema]) -> dict[str, Any]:
    """Found once for each schema; they are constants of the modules."""
    known = _known.get(id(properties))
    if known is None or known[0] is not properties:
        defaults = {name: rule["default"] for name, rule in properties.items() if "default" in rule}
        known = _known[id(properties)] = properties, defaults
    return known[1]


def _check(name: str, rule: Schema, value: Any) -> None:
    if value is None and rule.get("nullable"):
        return
    _CHECKS[rule["type"]](name, rule, value)
    if "enum" in rule and value not in rule["enum"]:
        raise FieldRefused(f"{_label(name)} must be one of {', '.join(map(str, rule['enum']))}")


def _text(name: str, rule: Schema, value: Any) -> None:
    if not isinstance(value, str):
        raise FieldRefused(f"{_label(name)} must be text")
    low, high = rule.get("minLength", 0), rule.get("maxLength")
    if len(value) < low or (high is not None and len(value) > high):
        raise FieldRefused(f"{_label(name)} must have {low} to {high} characters, not {len(value)}")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise FieldRefused(f"{_label(name)} holds half of a surrogate pair")


def _integer(name: str, rule: Schema, value: Any) -> None:
    low, high = rule.get("minimum", 0), rule.get("maximum", _LARGEST)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldRefused(f"{_label(name)} must be a whole number from {low} to {high}")


def _boolean(name: str, _rule: Schema, value: Any) -> None:
    if not isinstance(value, bool):
        raise FieldRefused(f"{_label(name)} must be true or false")


def _object(name: str, _rule: Schema, value: Any) -> None:
    if not isinstance(value, dict):
        raise FieldRefused(f"{_label(name)} must be an object")


def _array(name: str, rule: Schema, value: Any) -> None:
    if not isinstance(value, list) or len(value) > rule["maxItems"]:
        raise FieldRefused(f"{_label(name)} must be a list of at most {rule['maxItems']}")
    for number, item in enumerate(value):
        _check(f"{_label(name)}[{number}]", rule["items"], item)


def _label(name: str) -> str:
    """Quoted only where it is told: hardly any value is wrong. An item's name is quoted already."""
    return name if name.endswith("]") else repr(name)


_CHECKS = {"string": _text, "integer": _integer, "boolean": _boolean, "object": _object, "array": _array}
