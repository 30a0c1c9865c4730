"""The steps of a `hive` block: reading them, filling `${N}`, running one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.harness import programs
from agents.harness.mcpclient import McpClient, ToolCallFailed

BLOCK = re.compile(r"^(?P<fence>`{3,}|~{3,})hive[ \t]*\r?\n(?P<text>.*?)^(?P=fence)[ \t]*\r?$", re.M | re.S)
REFERENCE = re.compile(r"\$\{(\d+)\}")
KINDS = ("tool", "write", "run")
MOST_STEPS = 100
RUN_SECONDS = 120.0
OUTPUT_LIMIT = 16 * 1024


class BadBlock(Exception):
    """The block is no list of steps."""


class StepFailed(Exception):
    """The text is the step's output."""


@dataclass(frozen=True)
class Workplace:
    """Where steps run: relative paths start in `notes`."""

    notes: Path
    mcp: McpClient
    run_seconds: float = RUN_SECONDS
    allowed: Sequence[str] | None = None
    """`hyperhive.allowedBashPatterns`."""


def find(body: str) -> list[Any] | None:
    """The steps of the first `hive` block, None where there is none. Raises BadBlock."""
    match = BLOCK.search(body)
    if match is None:
        return None
    try:
        steps = json.loads(match["text"])
    except (ValueError, RecursionError) as error:
        raise BadBlock(f"the hive block is not JSON: {error}") from error
    if not isinstance(steps, list):
        raise BadBlock("the hive block must hold a JSON list of steps")
    if len(steps) > MOST_STEPS:
        raise BadBlock(f"the hive block has {len(steps)} steps; {MOST_STEPS} are the limit")
    return steps


def fill(value: Any, outputs: Sequence[str]) -> Any:
    """`value` with `${N}` in every string replaced by the output of step N (from 1). Raises StepFailed."""

    def output(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= len(outputs):
            raise StepFailed(f"{match[0]} names no earlier step; {len(outputs)} ran before this one")
        return outputs[number - 1]

    if isinstance(value, str):
        return REFERENCE.sub(output, value)
    if isinstance(value, list):
        return [fill(item, outputs) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, outputs) for key, item in value.items()}
    return value


async def run(step: Any, place: Workplace) -> str:
    """Run one step whose references are filled. Raises StepFailed."""
    kinds = [kind for kind in KINDS if kind in step] if isinstance(step, dict) else []
    if len(kinds) != 1:
        raise StepFailed(f"a step is an object with exactly one of {', '.join(KINDS)}; this is {_short(step)}")
    if kinds[0] == "tool":
        return await _tool(step, place)
    return _write(step["write"], place) if kinds[0] == "write" else await _run(step["run"], place)


async def _tool(step: dict[str, Any], place: Workplace) -> str:
    name, args = step["tool"], step.get("args", {})
    _expect(step, {"tool", "args"}, isinstance(name, str) and isinstance(args, dict), '{"tool": NAME, "args": {…}}')
    try:
        result = await place.mcp.call(name, args)
    except ToolCallFailed as error:
        raise StepFailed(str(error)) from error
    if not result.ok:
        raise StepFailed(result.text)
    return result.text


def _write(what: Any, place: Workplace) -> str:
    """The output is the file's full path."""
    right = isinstance(what, dict) and all(isinstance(what.get(key), str) for key in ("path", "text"))
    _expect(what, {"path", "text"}, right, '{"write": {"path": …, "text": …}}')
    path = place.notes / what["path"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(what["text"], encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StepFailed(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from error
    return str(path)


async def _run(what: Any, place: Workplace) -> str:
    """The output is what the program wrote, its errors included."""
    argv = what.get("argv") if isinstance(what, dict) else None
    cwd = what.get("cwd", ".") if isinstance(what, dict) else None
    right = isinstance(argv, list) and bool(argv) and all(isinstance(word, str) for word in [*argv, cwd])
    _expect(what, {"argv", "cwd"}, right, '{"run": {"argv": […], "cwd": …}}')
    assert isinstance(argv, list)  # noqa: S101 - just checked
    _guard(argv, place)
    try:
        status, output = await programs.run(argv, place.notes / str(cwd), seconds=place.run_seconds, limit=OUTPUT_LIMIT)
    except programs.OutOfTime as late:
        raise StepFailed(f"stopped after {place.run_seconds:g} s\n{_decoded(late.output)}") from late
    except (OSError, ValueError) as error:
        raise StepFailed(f"{argv[0]}: cannot be started ({error})") from error
    if status != 0:
        raise StepFailed(f"exit status {status}\n{_decoded(output)}")
    return _decoded(output)


def _guard(argv: Sequence[str], place: Workplace) -> None:
    if place.allowed is None:
        return
    from agents.harness.bash.guard.check import Guard, Refused
    from agents.harness.bash.guard.patterns import BadPattern

    try:
        Guard(place.allowed, home="").program(argv)
    except (Refused, BadPattern) as error:
        raise StepFailed(str(error)) from error


def _expect(what: Any, keys: set[str], right: bool, form: str) -> None:
    if not right or set(what) - keys:
        raise StepFailed(f"a step of this kind reads {form}; this is {_short(what)}")


def _decoded(output: bytes) -> str:
    text = output.decode("utf-8", errors="replace")
    return f"{text}… (cut at {OUTPUT_LIMIT} bytes)" if len(output) >= OUTPUT_LIMIT else text


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:120] + "…"
