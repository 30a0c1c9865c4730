"""Every field of every frame: missing, of every wrong type, too long, too large."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from broker import frames
from broker.refusals import FrameRefused

GOOD: dict[str, dict[str, Any]] = {
    "hello": {"version": 1, "harness": "test", "driver": "scripted", "window": 1},
    "turn_started": {"turn": "t", "messages": [1]},
    "turn_ended": {"turn": "t", "outcome": "ok", "error": ""},
    "report": {
        **{"model": "m", "needs_login": False, "problem": None, "limited_until": None},
        **{"session": None, "context": None, "context_limit": 1},
    },
    "events": {"epoch": "e", "events": [{}]},
    "control_result": {"id": 1, "ok": True, "text": ""},
    "pong": {"id": "p"},
    "call": {"id": "1", "tool": "send", "args": {}},
}
OF_TYPE: dict[str, Any] = {
    "string": "x",
    "integer": 1,
    "boolean": True,
    "array": [1],
    "object": {"a": 1},
    "number": 1.5,
    "null": None,
}


def wrong(rule: Mapping[str, Any]) -> Iterator[Any]:
    """Values that break the rule of a field."""
    for name, value in OF_TYPE.items():
        if name != rule["type"] and not (name == "null" and rule.get("nullable")):
            yield value
    if rule["type"] == "string":
        yield "\ud800"
        yield "x" * (rule.get("maxLength", 64) + 1)
        yield from [""] if rule.get("minLength") else []
        yield from ["else"] if "enum" in rule else []
    if rule["type"] == "integer":
        yield from (rule.get("minimum", 0) - 1, rule.get("maximum", 2**63 - 1) + 1, 10**30)
    if rule["type"] == "array":
        yield [rule["items"].get("minimum", 0)] * (rule["maxItems"] + 1)
        yield from ([value] for value in wrong(rule["items"]))


CASES = [
    (kind, field, value)
    for kind, schema in frames.FRAMES.items()
    for field, rule in schema["properties"].items()
    for value in wrong(rule)
    if (kind, field) != ("hello", "version") or type(value) is not int
]


def parse(kind: str, fields: Mapping[str, Any]) -> frames.Frame:
    return frames.parse(json.dumps({"type": kind, **fields}))


def test_the_examples_are_good_and_complete() -> None:
    assert GOOD.keys() == frames.FRAMES.keys()
    for kind, fields in GOOD.items():
        assert parse(kind, fields) == {"type": kind, **fields}
        assert fields.keys() == frames.FRAMES[kind]["properties"].keys()
    assert len(CASES) > 100


@pytest.mark.parametrize(("kind", "field", "value"), CASES, ids=lambda value: repr(value)[:24])
def test_a_wrong_field_is_refused_by_its_name(kind: str, field: str, value: Any) -> None:
    with pytest.raises(FrameRefused) as refused:
        parse(kind, {**GOOD[kind], field: value})
    assert refused.value.code == "bad_field"
    assert f"{kind}: '{field}'" in str(refused.value)
    assert refused.value.close is None, "the socket stays open"
    assert len(str(refused.value)) < 300, "nothing long is sent back"


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, s in frames.FRAMES.items() for f in s.get("required", ())])
def test_a_missing_field_is_refused_by_its_name(kind: str, field: str) -> None:
    given = {name: value for name, value in GOOD[kind].items() if name != field}
    with pytest.raises(FrameRefused, match=f"'{field}' is missing") as refused:
        parse(kind, given)
    assert refused.value.code == "bad_field"


def test_a_frame_is_as_long_as_it_may_be_and_no_longer() -> None:
    room = frames.MAX_BYTES - len(json.dumps({"type": "call", **GOOD["call"], "args": {"body": ""}}))
    parse("call", {**GOOD["call"], "args": {"body": "x" * room}})
    for body in ("x" * (room + 1), "é" * (room // 6 + 1)):
        with pytest.raises(FrameRefused) as refused:
            parse("call", {**GOOD["call"], "args": {"body": body}})
        assert (refused.value.code, refused.value.close) == ("too_long", 1009)
