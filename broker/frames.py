"""The frames of PROTOCOL.md: reading what an agent sends, writing what the hive answers."""

from __future__ import annotations

import json
from typing import Any

from broker.leases import Leased
from broker.refusals import FrameRefused
from broker.schemas import FieldRefused, Schema, check

VERSION = 1
MAX_BYTES = 1024 * 1024
MAX_WINDOW = 256
CLOSE_GOING, CLOSE_TOO_LONG, CLOSE_PROTOCOL, CLOSE_REVOKED, CLOSE_REPLACED = 1001, 1009, 4400, 4403, 4409

Frame = dict[str, Any]
_quoted = json.encoder.encode_basestring_ascii
_TRUTH = {True: "true", False: "false"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 64}
_FAR = 32503680000
"""The year 3000 in Unix time: what lies beyond is no time that a page could show."""
_IDS = {"type": "array", "maxItems": 1000, "items": {"type": "integer", "minimum": 1}}

FRAMES: dict[str, Schema] = {
    "hello": {
        "required": ["version", "harness", "driver", "window"],
        "properties": {
            "version": {"type": "integer"},
            "harness": {"type": "string", "maxLength": 200},
            "driver": {"type": "string", "maxLength": 64},
            "window": {"type": "integer", "minimum": 1, "maximum": MAX_WINDOW},
        },
    },
    "turn_started": {"required": ["turn", "messages"], "properties": {"turn": _NAME, "messages": _IDS}},
    "turn_ended": {
        "required": ["turn", "outcome"],
        "properties": {
            "turn": _NAME,
            "outcome": {"type": "string", "enum": ["ok", "failed", "requeue"]},
            "error": {"type": "string", "maxLength": 20_000, "default": ""},
        },
    },
    "report": {
        "properties": {
            "model": {"type": "string", "maxLength": 100},
            "needs_login": {"type": "boolean"},
            "problem": {"type": "string", "maxLength": 2000, "nullable": True},
            "limited_until": {"type": "integer", "maximum": _FAR, "nullable": True},
            "session": {"type": "string", "maxLength": 64, "nullable": True},
            "context": {"type": "integer", "nullable": True},
            "context_limit": {"type": "integer", "nullable": True},
        }
    },
    "pong": {"required": ["id"], "properties": {"id": _NAME}},
    "events": {
        "required": ["epoch", "events"],
        "properties": {
            "epoch": {"type": "string", "minLength": 1, "maxLength": 32},
            "events": {"type": "array", "maxItems": 256, "items": {"type": "object"}},
        },
    },
    "control_result": {
        "required": ["id", "ok"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "ok": {"type": "boolean"},
            "text": {"type": "string", "maxLength": 2000, "default": ""},
        },
    },
    "call": {
        "required": ["id", "tool", "args"],
        "properties": {"id": _NAME, "tool": _NAME, "args": {"type": "object"}},
    },
}


def parse(text: str | None) -> Frame:
    """The frame with its fields checked. Raises `FrameRefused`."""
    if text is None:
        raise FrameRefused("not_json", "frames are JSON in text messages, not in binary ones")
    if len(text) > MAX_BYTES // 4 and len(text.encode()) > MAX_BYTES:
        raise FrameRefused("too_long", f"a frame has at most {MAX_BYTES} bytes", CLOSE_TOO_LONG)
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameRefused("not_json", f"the frame is not JSON: {str(error)[:200]}") from error
    if not isinstance(frame, dict):
        raise FrameRefused("not_an_object", "a frame is a JSON object")
    kind = frame.get("type")
    if not isinstance(kind, str) or kind not in FRAMES:
        raise FrameRefused("unknown_type", f"there is no frame {str(kind)[:60]!r}; there are: {', '.join(FRAMES)}")
    if kind == "hello":
        _check_version(frame.get("version"))
    try:
        return {"type": kind, **check(FRAMES[kind], frame, closed=False)}
    except FieldRefused as refusal:
        raise FrameRefused("bad_field", f"{kind}: {refusal}") from refusal


def _check_version(version: object) -> None:
    if type(version) is int and version != VERSION:
        text = f"the hive speaks version {VERSION} of this protocol, the harness version {version}"
        raise FrameRefused("unknown_version", text, CLOSE_PROTOCOL)


def error(code: str, message: str) -> Frame:
    return {"type": "error", "code": code, "message": message}


def welcome(agent: str, session: str, *, paused: bool, epoch: str, seq: int) -> Frame:
    """`epoch` and `seq` are of the newest event that the hive has of the agent."""
    events = {"epoch": epoch, "seq": seq}
    frame = {"type": "welcome", "version": VERSION, "agent": agent, "session": session}
    return {**frame, "paused": paused, "events": events}


def events_taken(epoch: str, seq: int) -> Frame:
    return {"type": "events_taken", "epoch": epoch, "seq": seq}


def control(ident: int, verb: str, args: Frame) -> Frame:
    return {"type": "control", "id": ident, "verb": verb, "args": args}


def open_terminal(terminal: str, columns: int, rows: int) -> Frame:
    return {"type": "open_terminal", "terminal": terminal, "columns": columns, "rows": rows}


def ping(ident: str) -> Frame:
    return {"type": "ping", "id": ident}


def message(leased: Leased) -> str:
    """As text at once, like `result`: these two are most of what is sent, and `json.dumps` costs three times that."""
    reply = "null" if leased.in_reply_to is None else leased.in_reply_to
    return (
        f'{{"type": "message", "id": {leased.id}, "sender": {_quoted(leased.sender)},'
        f' "provenance": "{leased.provenance}", "kind": {_quoted(leased.kind)}, "body": {_quoted(leased.body)},'
        f' "created_at": "{leased.created_at}", "in_reply_to": {reply},'
        f' "redelivered": {_TRUTH[leased.redelivered]}, "urgent": {_TRUTH[leased.urgent]}}}'
    )


def result(call: str, output: str) -> str:
    return f'{{"type": "result", "id": {_quoted(call)}, "ok": true, "output": {_quoted(output)}}}'


def failure(call: str, text: str) -> Frame:
    return {"type": "result", "id": call, "ok": False, "error": text}
