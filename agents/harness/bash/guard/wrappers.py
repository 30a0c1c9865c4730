"""Programs that start the command in their arguments: that command has to be allowed as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.harness.bash.guard.patterns import PATH, UNKNOWN
from agents.harness.bash.guard.refused import Refused
from agents.harness.bash.guard.words import Word

Vector = Sequence[Word]
MORE = Word(UNKNOWN, "", many=True)
"""Words that the program adds by itself."""


@dataclass(frozen=True)
class Wrapper:
    """`flags` take no argument, `valued` take one; `leading` plain words come before the command."""

    flags: str = ""
    valued: str = ""
    long_flags: tuple[str, ...] = ()
    long_valued: tuple[str, ...] = ()
    leading: int = 0
    assignments: bool = False
    number_flags: bool = False


WRAPPERS: Mapping[str, Wrapper] = {
    "command": Wrapper(flags="p"),
    "env": Wrapper("i0", "uC", ("ignore-environment", "null"), ("unset", "chdir"), assignments=True),
    "ionice": Wrapper("t", "cn", ("ignore",), ("class", "classdata")),
    "nice": Wrapper("", "n", (), ("adjustment",), number_flags=True),
    "nohup": Wrapper(),
    "setsid": Wrapper("cfw", "", ("ctty", "fork", "wait")),
    "stdbuf": Wrapper("", "ioe", (), ("input", "output", "error")),
    "time": Wrapper("pv", "f", ("portability", "verbose"), ("format",)),
    "timeout": Wrapper("fpv", "ks", ("foreground", "preserve-status", "verbose"), ("kill-after", "signal"), leading=1),
}
XARGS = Wrapper(
    "0rtx",
    "aEnLPsd",
    ("null", "no-run-if-empty", "verbose", "exit"),
    ("arg-file", "max-args", "max-lines", "max-procs", "max-chars", "delimiter"),
)
FIND_RUNS = ("-exec", "-execdir", "-ok", "-okdir")
FD_RUNS = ("-x", "-X", "--exec", "--exec-batch")


def commands_in(vector: Vector) -> list[list[Word]]:
    """The commands that this one starts. Raises Refused where that is not clear."""
    name = vector[0].text
    if name == "command" and len(vector) > 1 and vector[1].text in ("-v", "-V"):
        return []
    if name in WRAPPERS:
        rest = _after_options(vector, WRAPPERS[name])
        return [rest] if rest and not _only_assignments(rest) else []
    special: Mapping[str, Callable[[Vector], list[list[Word]]]] = {
        "xargs": _xargs,
        "find": lambda found: _found(found, FIND_RUNS),
        "fd": lambda found: _found(found, FD_RUNS),
        "fdfind": lambda found: _found(found, FD_RUNS),
    }
    return special[name](vector) if name in special else []


def _only_assignments(rest: Vector) -> bool:
    return all("=" in word.text for word in rest)


def _after_options(vector: Vector, wrapper: Wrapper) -> list[Word]:
    rest = list(vector[1:])
    while rest and _is_option(rest[0]):
        option = rest.pop(0).text
        if option == "--":
            break
        if _takes_word(vector, option, wrapper):
            if not rest or rest[0].many:
                raise _unclear(vector)
            rest.pop(0)
    for _ in range(wrapper.leading):
        if not rest or rest[0].many:
            raise _unclear(vector)
        rest.pop(0)
    _check_start(vector, rest, assignments=wrapper.assignments)
    return rest


def _is_option(word: Word) -> bool:
    """What could become an option counts as one, and is then not clear."""
    return word.text.startswith(("-", UNKNOWN))


def _takes_word(vector: Vector, option: str, wrapper: Wrapper) -> bool:
    """Whether the option's argument is the next word. Raises Refused for an option that is not known."""
    if option.startswith("--"):
        name, equals, _ = option[2:].partition("=")
        if name in wrapper.long_valued:
            return not equals
        if name in wrapper.long_flags and not equals:
            return False
        raise _unclear(vector, option)
    if wrapper.number_flags and re.fullmatch(r"-[0-9]+", option):
        return False
    letters = option[1:]
    for place, letter in enumerate(letters):
        if letter in wrapper.valued:
            return place == len(letters) - 1
        if letter not in wrapper.flags:
            raise _unclear(vector, option)
    if not letters:
        raise _unclear(vector, option)
    return False


def _check_start(vector: Vector, rest: Vector, *, assignments: bool) -> None:
    """The command's name must be known, and stand where a name stands."""
    for word in rest:
        name, equals, _ = word.text.partition("=")
        if assignments and equals and not word.many and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            continue
        if not word.known or not word.text or word.text.startswith("-") or (assignments and equals):
            raise _unclear(vector)
        return


def _xargs(vector: Vector) -> list[list[Word]]:
    rest, replaced, place = list(vector[1:]), None, 0
    while place < len(rest) and rest[place].text.startswith("-I"):
        value = rest[place].text[2:] or (rest[place + 1].text if place + 1 < len(rest) else "")
        if not value or UNKNOWN in value:
            raise _unclear(vector)
        replaced, place = value, place + (1 if rest[place].text[2:] else 2)
    inner = _after_options([vector[0], *rest[place:]], XARGS)
    if not inner:
        return []  # it then runs echo
    if replaced is None:
        return [[*inner, MORE]]
    return [_with_holes(vector, inner, replaced)]


def _found(vector: Vector, runs: Sequence[str]) -> list[list[Word]]:
    """Each command between -exec and its end."""
    commands: list[list[Word]] = []
    place = 1
    while place < len(vector):
        word = vector[place]
        place += 1
        if word.text not in runs:
            continue
        end = next((at for at in range(place, len(vector)) if vector[at].text in (";", "+")), len(vector))
        if end == len(vector) and vector[0].text == "find":
            raise _unclear(vector)
        inner = list(vector[place:end])
        inner = _with_holes(vector, inner, "{}", PATH if vector[0].text == "find" else UNKNOWN)
        batch = vector[place - 1].text in FD_RUNS or (end < len(vector) and vector[end].text == "+")
        commands.append([*inner, Word(PATH if runs is FIND_RUNS else UNKNOWN, "", many=True)] if batch else inner)
        place = end + 1
    return commands


def _with_holes(vector: Vector, inner: Vector, hole: str, filled: str = UNKNOWN) -> list[Word]:
    if not inner or not inner[0].known or hole in inner[0].text:
        raise _unclear(vector)
    return [Word(word.text.replace(hole, filled), word.shell, word.many) for word in inner]


def _unclear(vector: Vector, option: str | None = None) -> Refused:
    because = f"with {option} " if option else ""
    part = " ".join(word.shell for word in vector)
    return Refused(part, f"{because}it is not clear which command {vector[0].text} would start")
