"""What Nix says when it fails, as a sentence for the one who wrote agent.nix."""

from __future__ import annotations

import re
import signal

TOO_LONG = "agent.nix takes too long to evaluate: look for something that never ends"
_TOO_DEEP = "agent.nix calls itself without end (stack overflow)"
_TOO_MUCH_MEMORY = "agent.nix needs too much memory to evaluate"
_TOO_MUCH_OUTPUT = "the options of agent.nix are too large: together at most 1 MiB"
_LIMIT = 2000

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"^\s*error: ", re.MULTILINE)
_PLACE = re.compile(r"^\s*at (?:«[^»]*»|(\S*?)):(\d+)(?::\d+)?:?\s*$", re.MULTILINE)
_KNOWN = (
    ("stack overflow", _TOO_DEEP),
    ("max-call-depth", _TOO_DEEP),
    ("out of memory", _TOO_MUCH_MEMORY),
    ("Out of memory", _TOO_MUCH_MEMORY),
    ("failed to allocate", _TOO_MUCH_MEMORY),
    ("wrote more than", _TOO_MUCH_OUTPUT),
)
_HINTS = (
    ("infinite recursion encountered", "the configuration depends on itself"),
    ("called with unexpected argument", "write `...` among the arguments of the file: { lib, ... }:"),
    ("dummy://", "nothing can be copied to the Nix store here; builtins.readFile gives a file's text"),
)
_SIGNALS: dict[int, str] = {
    signal.SIGSEGV: _TOO_DEEP,
    signal.SIGABRT: _TOO_MUCH_MEMORY,
    signal.SIGXCPU: TOO_LONG,
    signal.SIGKILL: TOO_LONG,
}


def readable(code: int, stderr: str) -> str:
    """The message of a `nix-instantiate` that ended with `code`: no paths of the sandbox, the place in the file."""
    text = _COLOUR.sub("", stderr)
    for sign, message in _KNOWN:
        if sign in text:
            return message
    found = list(_ERROR.finditer(text))
    if not found:
        return _SIGNALS.get(_signal(code), f"the evaluator failed ({code}): {_plain(text[-300:])}")
    message = text[found[-1].end() :].replace("(use '--show-trace' to show detailed location information)", "")
    place = _PLACE.search(message)
    sentence = _plain(message[: place.start()] if place else message)
    hints = [hint for sign, hint in _HINTS if sign in sentence]
    return "; ".join([sentence[:_LIMIT], *hints]) + _where(place)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("/tree/", "")


def _where(place: re.Match[str] | None) -> str:
    if place is None or not (place[1] or "").startswith("/tree/"):
        return ""
    return f" ({place[1].removeprefix('/tree/')}, line {place[2]})"


def _signal(code: int) -> int:
    """A program in the sandbox that a signal ended: bwrap gives 128 and its number."""
    return code - 128 if code > 128 else -code
