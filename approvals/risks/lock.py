"""The lock of the shared inputs: where every package of every agent comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from approvals.risks.flags import Flag
from approvals.risks.wording import cited, named

_SOURCE = ("type", "owner", "repo", "url", "host", "dir", "path", "submodules")
_WHY = "Every agent is built from it."


def lock_changes(before: str | None, after: str) -> list[Flag]:
    """What changes from one `flake.lock` to the next; a new source is high, a newer revision of one a notice."""
    try:
        old, new = _nodes(before), _nodes(after)
    except (ValueError, TypeError, AttributeError):
        return [Flag("lock", "high", "flake.lock", f"It cannot be read. {_WHY}")]
    return sorted(_changes(old, new), key=lambda flag: flag.level != "high")


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Flag]:
    for name in sorted(new):
        where, source = f"inputs.{named(name)}", _source(new[name])
        if name not in old:
            yield Flag("lock-input", "high", where, f"A new input, from {cited(source)}. {_WHY}")
        elif _source(old[name]) != source:
            text = f"Another source: {cited(source)} instead of {cited(_source(old[name]))}. {_WHY}"
            yield Flag("lock-input", "high", where, text)
        elif old[name] != new[name]:
            text = f"From {_revision(old[name])} to {_revision(new[name])}. {_WHY}"
            yield Flag("lock", "notice", where, text)


def _nodes(text: str | None) -> dict[str, Any]:
    """Input → its node; the root is the flake itself."""
    nodes = dict(json.loads(text)["nodes"]) if text else {}
    nodes.pop("root", None)
    return {str(name): dict(node) for name, node in nodes.items()}


def _source(node: Mapping[str, Any]) -> dict[str, Any]:
    locked = node.get("locked") or {}
    return {name: locked[name] for name in _SOURCE if name in locked}


def _revision(node: Mapping[str, Any]) -> str:
    locked = node.get("locked") or {}
    return cited(str(locked.get("rev") or locked.get("narHash") or "nothing")[:12])
