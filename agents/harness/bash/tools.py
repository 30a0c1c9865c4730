"""The two tools of the server `bash`: what they take, what they answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.harness.bash import surroundings
from agents.harness.bash.guard.patterns import BadPattern
from agents.harness.bash.guard.refused import Refused
from agents.harness.bash.jobs import Job, Jobs, TooMany
from agents.harness.config import Config
from agents.harness.journal import Emit

SECONDS, MOST_SECONDS = 120, 600
BACKGROUND_SECONDS, MOST_BACKGROUND_SECONDS = 3600, 24 * 3600
LONGEST = 100 * 1024
Json = dict[str, Any]

RUN = {
    "name": "run",
    "description": (
        "Run a bash command and get what it writes. It starts in your notes folder unless cwd says otherwise; nothing"
        " carries over from one call to the next. When it ends, everything that it started ends too. For what takes"
        " longer than the timeout, or shall go on after this turn, set background: you get a number at once, status"
        " shows how it goes, and its end wakes you. Long output is cut in the middle and kept whole in a file."
    ),
    "inputSchema": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "bash, as you would type it"},
            "cwd": {"type": "string", "description": "folder to start in; relative to your notes folder"},
            "timeout": {"type": "number", "description": f"seconds; {SECONDS} by default, at most {MOST_SECONDS}; in"
                        f" the background {BACKGROUND_SECONDS} by default, at most {MOST_BACKGROUND_SECONDS}"},
            "background": {"type": "boolean", "description": "return at once with a number for status"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}  # fmt: skip
STATUS = {
    "name": "status",
    "description": "How a background command stands and what it has written; without a number: a list of all of them.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "job": {"type": "integer", "description": "the number that run gave"},
            "stop": {"type": "boolean", "description": "end it, with everything that it started"},
        },
        "additionalProperties": False,
    },
}


class ToolRefused(Exception):
    """The text is for the model."""


class Tools:
    """`ended` hears of a background command's end."""

    def __init__(self, config: Config, emit: Emit, ended: Callable[[Job], None]) -> None:
        self._config, self._emit = config, emit
        self.jobs = Jobs(config.notes / ".hive" / "bash", ended)

    def listed(self) -> list[Json]:
        return [RUN, STATUS]

    async def call(self, name: str, args: Json) -> str:
        """Raises ToolRefused."""
        if name == "run":
            return await self._run(_checked(RUN, args))
        if name == "status":
            return await self._status(_checked(STATUS, args))
        raise ToolRefused(f"there is no tool {name!r}; there are run and status")

    async def close(self) -> None:
        await self.jobs.close()

    async def _run(self, args: Json) -> str:
        background = bool(args.get("background"))
        default, most = (BACKGROUND_SECONDS, MOST_BACKGROUND_SECONDS) if background else (SECONDS, MOST_SECONDS)
        seconds = args.get("timeout", default)
        if not 0 < seconds <= most:
            raise ToolRefused(f"timeout must be above 0 and at most {most}")
        job = await self._started(args["command"], args.get("cwd", ""), seconds, background=background)
        if background:
            return f"job {job.number} runs in the background; it writes to {job.output.spilled or 'no file'}"
        try:
            await job.done.wait()
        finally:
            if job.status is None:
                await self.jobs.stop(job, "cancelled")
        return _told(job)

    async def _started(self, command: str, cwd: str, seconds: float, *, background: bool) -> Job:
        if len(command.encode(errors="replace")) > LONGEST:
            raise ToolRefused(f"a command has at most {LONGEST} bytes; put the rest into a file")
        folder = self._config.notes / Path(cwd)
        if not folder.is_dir():
            raise ToolRefused(f"{folder} is no folder")
        env = surroundings.environment(self._config)
        try:
            script = self._guarded(command, env)
            argv = surroundings.shell(script, env["PATH"])
            return await self.jobs.start(argv, command, cwd=folder, env=env, seconds=seconds, background=background)
        except (Refused, BadPattern) as error:
            self._emit("command_refused", text=str(error))
            raise ToolRefused(str(error)) from error
        except (OSError, ValueError, TooMany, surroundings.NoShell) as error:
            raise ToolRefused(f"the command could not be started: {error}") from error

    def _guarded(self, command: str, env: dict[str, str]) -> str:
        allowed = self._config.options.get("allowedBashPatterns")
        if allowed is None:
            return command
        from agents.harness.bash.guard.check import Guard

        return Guard(allowed, home=env.get("HOME", ""), exported=env).checked(command)

    async def _status(self, args: Json) -> str:
        if "job" not in args:
            lines = [f"job {job.number}: {job.state()}: {job.command[:100]!r}" for job in self._background()]
            return "\n".join(lines) or "no background command has been started"
        job = self.jobs.all.get(args["job"])
        if job is None or not job.background:
            raise ToolRefused(f"there is no job {args['job']}; status without a number lists them")
        if args.get("stop") and job.status is None:
            job.seen = True
            await self.jobs.stop(job, "stopped as asked")
        if job.status is not None:
            job.seen = True
        return (
            f"job {job.number}: {_told(job) if job.status is not None else job.state() + chr(10) + job.output.text()}"
        )

    def _background(self) -> list[Job]:
        return [job for job in self.jobs.all.values() if job.background]


def summary(job: Job) -> str:
    """The message that wakes the agent."""
    where = f"\nAll of it: {job.output.spilled}" if job.output.spilled else ""
    head = f"Your background job {job.number} has ended: {job.state()}.\nCommand: {job.command[:500]}{where}"
    return f"{head}\n\n{_tail(job)}"


def _tail(job: Job) -> str:
    text = job.output.text()
    return text if len(text) <= 4000 else "…" + text[-4000:]


def _told(job: Job) -> str:
    text = job.output.text()
    gap = "" if not text or text.endswith("\n") else "\n"
    ending = "" if job.status == 0 and not job.ended_by and text else f"({job.state()})"
    return f"{text}{gap}{ending}"


def _checked(tool: Json, args: Json) -> Json:
    """The arguments by the tool's own schema. Raises ToolRefused."""
    properties: Json = tool["inputSchema"]["properties"]
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "number": (int, float),
        "integer": (int,),
        "boolean": (bool,),
    }
    for name, value in args.items():
        if name not in properties:
            raise ToolRefused(f"there is no argument {name!r}; there are {', '.join(properties)}")
        kind = properties[name]["type"]
        if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
            raise ToolRefused(f"{name} must be a {kind}")
        if isinstance(value, str) and ("\0" in value or any("\ud800" <= char <= "\udfff" for char in value)):
            raise ToolRefused(f"{name} holds a character that no command can hold")
    for name in tool["inputSchema"].get("required", ()):
        if not args.get(name):
            raise ToolRefused(f"{name} is missing")
    return args
