"""As much of JSON Schema as frames and tool arguments need, with errors that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_LARGEST = 2**63 - 1


class FieldRefused(Exception):
    """A field that is missing or wrong; the text names it and says what it must be."""


def check(schema: Schema, values: Mapping[str, Any], *, closed: bool) -> dict[str, Any]:
    """The values of the schema's properties, with defaults filled in. Unknown ones are refused where `closed`."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in values:
            raise FieldRefused(f"{name!r} is missing")
    for name in values:
        if closed and name not in properties:
            raise FieldRefused(f"{name[:60]!r} is not known; there are: {', '.join(properties) or 'none'}")
    checked = {name: rule["default"] for name, rule in properties.items() if "default" in rule}
    for name, rule in properties.items():
        if name in values:
            _check(repr(name), rule, values[name])
            checked[name] = values[name]
    return checked


def _check(name: str, rule: Schema, value: Any) -> None:
    if value is None and rule.get("nullable"):
        return
    _CHECKS[rule["type"]](name, rule, value)
    if "enum" in rule and value not in rule["enum"]:
        raise FieldRefused(f"{name} must be one of {', '.join(map(str, rule['enum']))}")


def _text(name: str, rule: Schema, value: Any) -> None:
    if not isinstance(value, str):
        raise FieldRefused(f"{name} must be text")
    low, high = rule.get("minLength", 0), rule.get("maxLength")
    if len(value) < low or (high is not None and len(value) > high):
        raise FieldRefused(f"{name} must have {low} to {high} characters, not {len(value)}")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise FieldRefused(f"{name} holds half of a surrogate pair")


def _integer(name: str, rule: Schema, value: Any) -> None:
    low, high = rule.get("minimum", 0), rule.get("maximum", _LARGEST)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldRefused(f"{name} must be a whole number from {low} to {high}")


def _boolean(name: str, _rule: Schema, value: Any) -> None:
    if not isinstance(value, bool):
        raise FieldRefused(f"{name} must be true or false")


def _object(name: str, _rule: Schema, value: Any) -> None:
    if not isinstance(value, dict):
        raise FieldRefused(f"{name} must be an object")


def _array(name: str, rule: Schema, value: Any) -> None:
    if not isinstance(value, list) or len(value) > rule["maxItems"]:
        raise FieldRefused(f"{name} must be a list of at most {rule['maxItems']}")
    for number, item in enumerate(value):
        _check(f"{name}[{number}]", rule["items"], item)


_CHECKS = {"string": _text, "integer": _integer, "boolean": _boolean, "object": _object, "array": _array}
