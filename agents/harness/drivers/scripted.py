"""`scripted`: a deterministic agent that does exactly what a message says. Its rules are in docs/harness.md."""

from __future__ import annotations

import json
from typing import Any

from agents.harness.config import Config
from agents.harness.drivers import steps
from agents.harness.drivers.base import ANSWER_LIMIT, CannotDo, Hive, Outcome, Usage
from agents.harness.frames import Message, Turn
from agents.harness.journal import Emit
from agents.harness.link import CallRefused
from agents.harness.mcpclient import McpClient

NO_MODEL = "a scripted agent has no model and no session"
SHORTER_OUTPUTS = (16 * 1024, 4 * 1024, 1024, 256)

HELP = """I am {name}, a scripted agent: I have no model behind me and do exactly what a message says.
Send me a block of steps, for example:

```hive
[
  {{"run": {{"argv": ["uname", "-n"]}}}},
  {{"write": {{"path": "hello.txt", "text": "written on ${{1}}\\n"}}}},
  {{"tool": "set_status", "args": {{"text": "wrote ${{2}}"}}}}
]
```

The steps run in order and stop at the first that fails; `${{N}}` stands for the output of step N.
You get the results back. A model answers instead when agent.nix says hyperhive.driver = "claude".
"""

Results = list[dict[str, Any]]


class Scripted:
    def __init__(self, config: Config, hive: Hive) -> None:
        self._config, self._hive = config, hive

    async def ready(self) -> None:
        """Always."""

    def problem(self) -> str | None:
        return None

    async def close(self) -> None:
        """Keeps nothing."""

    def interrupt(self) -> bool:
        return False

    def usage(self) -> Usage:
        return Usage()

    async def compact(self, emit: Emit) -> str:  # noqa: ARG002 - the interface's
        raise CannotDo(NO_MODEL)

    async def new_session(self) -> None:
        raise CannotDo(NO_MODEL)

    async def set_model(self, model: str | None) -> None:  # noqa: ARG002 - the interface's
        raise CannotDo(NO_MODEL)

    async def digest(self, text: str, emit: Emit) -> str:  # noqa: ARG002 - the interface's
        raise CannotDo(NO_MODEL)

    async def run(self, turn: Turn, emit: Emit) -> Outcome:
        message = turn.message
        try:
            todo = steps.find(message.body)
        except steps.BadBlock as error:
            return await self._answer(turn, _rendered([{"ok": False, "output": str(error)}]), emit)
        if todo is not None:
            return await self._answer(turn, _rendered(await self._results(todo, emit)), emit)
        if _needs_no_help(message):
            return Outcome("ok", "nothing to do")
        return await self._answer(turn, HELP.format(name=self._config.name), emit)

    async def _results(self, todo: list[Any], emit: Emit) -> Results:
        allowed = self._config.options.get("allowedBashPatterns")
        place = steps.Workplace(self._config.notes, McpClient(self._hive.mcp_url), allowed=allowed)
        results: Results = []
        for number, step in enumerate(todo, start=1):
            ok, output = await _tried(step, place, [result["output"].strip() for result in results])
            results.append({"ok": ok, "output": output})
            emit("step", number=number, what=_kind(step), ok=ok)
            _tell_tool(step, ok, emit)
            if not ok:
                break
        return results

    async def _answer(self, turn: Turn, body: str, emit: Emit) -> Outcome:
        if turn.message.provenance == "system":
            return Outcome("ok", "the hive takes no answers")
        try:
            await self._hive.answer(turn, body)
        except CallRefused as error:
            return Outcome("failed", f"the answer was refused: {error}")
        emit("message_sent", to=turn.message.sender)
        return Outcome("ok", body)


async def _tried(step: Any, place: steps.Workplace, outputs: list[str]) -> tuple[bool, str]:
    try:
        return True, await steps.run(steps.fill(step, outputs), place)
    except steps.StepFailed as error:
        return False, str(error)


def _tell_tool(step: Any, ok: bool, emit: Emit) -> None:
    if not isinstance(step, dict) or not isinstance(step.get("tool"), str):
        return
    args = step.get("args")
    emit("tool_call", tool=step["tool"], detail={"input": args})
    if ok and step["tool"] == "send" and isinstance(args, dict):
        emit("message_sent", to=args.get("to"))


def _needs_no_help(message: Message) -> bool:
    """Two scripted agents would explain themselves to each other for ever; the hive itself reads no answers."""
    return message.in_reply_to is not None or message.provenance == "system"


def _kind(step: Any) -> str:
    """For the log: which tool or program, without its arguments."""
    if not isinstance(step, dict):
        return "?"
    if isinstance(step.get("tool"), str):
        return f"tool {step['tool']}"
    return next((kind for kind in steps.KINDS if kind in step), "?")


def _rendered(results: Results) -> str:
    """The `hive-result` block, with outputs cut shorter where a message could not hold them."""
    for limit in SHORTER_OUTPUTS:
        cut = [{**result, "output": _cut(str(result["output"]), limit)} for result in results]
        text = json.dumps(cut, ensure_ascii=False, indent=1)
        if len(text.encode()) <= ANSWER_LIMIT:
            break
    return f"```hive-result\n{text}\n```"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
