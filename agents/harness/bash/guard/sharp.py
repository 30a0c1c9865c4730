"""Words that no wildcard of a pattern covers: by them a program runs something else, or writes where it should not.

The operator may still allow such a word by writing it out in the pattern. The list is long and cannot be whole: it
is a guard rail, and the sandbox is what holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.harness.bash.guard import gitwords, sedwords
from agents.harness.bash.guard.known import known
from agents.harness.bash.guard.patterns import UNKNOWN
from agents.harness.bash.guard.words import Word

Vector = Sequence[Word]

FIND_VALUED = frozenset(
    f"-{name}"
    for name in (
        "name",
        "iname",
        "path",
        "ipath",
        "wholename",
        "regex",
        "type",
        "size",
        "mtime",
        "mmin",
        "newer",
        "maxdepth",
    )
)


@dataclass(frozen=True)
class Sharp:
    """`indices` of the words that must be written out; `exact`: the whole command must be."""

    indices: frozenset[int] = frozenset()
    exact: bool = False


def of(vector: Vector) -> Sharp:
    """`vector` begins with the program, without assignments."""
    base = vector[0].text.rpartition("/")[2]
    name = known().families.get(base, base)
    texts = [word.text for word in vector]
    if name in known().opaque or name.startswith("ld-linux"):
        return Sharp(frozenset(range(len(vector))), exact=True)
    if is_interpreter(name):
        return _interpreter(name, vector)
    reader = READERS.get(name)
    return Sharp(frozenset(reader(texts) if reader else _of_options(name, texts)))


def is_interpreter(name: str) -> bool:
    numbered = re.fullmatch(r"(python|perl|ruby|lua|php|node|tclsh|guile)[0-9.-]+", name)
    return name in known().interpreters or numbered is not None


def _interpreter(name: str, vector: Vector) -> Sharp:
    """Plain flags, then the script or the module: words after it are the script's own."""
    at = 1
    while at < len(vector) and _is_plain_flag(name, vector[at].text):
        at += 1
    if at < len(vector) and vector[at].text == "-m" and name.startswith(("python", "pypy")) and at + 1 < len(vector):
        module = of(vector[at + 1 :])
        indices = frozenset(range(at + 2)) | {index + at + 1 for index in module.indices}
        return Sharp(indices, exact=module.exact)
    if at < len(vector) and not vector[at].text.startswith("-"):
        return Sharp(frozenset(range(at + 1)))
    return Sharp(frozenset(range(len(vector))), exact=True)


def _is_plain_flag(name: str, text: str) -> bool:
    if name.startswith(("python", "pypy")):
        return re.fullmatch(r"-[uBOIEsSq]+", text) is not None
    return name.endswith("awk") and re.fullmatch(r"-F.+", text) is not None


def _of_options(name: str, texts: Sequence[str]) -> set[int]:
    """What is not known yet could become an option, unless it comes after `--`."""
    if name not in known().programs:
        return set()
    found = {at for at in range(1, len(texts)) if _is_sharp(name, texts[at])}
    if (
        name in ("tar", "bsdtar")
        and len(texts) > 1
        and any(letter in known().programs["tar"].short for letter in texts[1])
    ):
        found |= {1} if not texts[1].startswith("-") else set()
    return found | unknown(texts)


def unknown(texts: Sequence[str]) -> set[int]:
    end = texts.index("--") if "--" in texts else len(texts)
    return {at for at in range(1, end) if texts[at].startswith(UNKNOWN) or re.match(r"--?[^=]*\0", texts[at])}


def _test(texts: Sequence[str]) -> set[int]:
    """`-v` and `-R` evaluate their operand; with a value in an operator's place it is not clear what is tested."""
    words = list(texts[1:-1] if texts[0] == "[" else texts[1:])
    if "-v" not in words and "-R" not in words:
        while len(words) > 1 and words[0] == "!":
            words.pop(0)
        operator = words[0] if len(words) == 2 else words[1] if len(words) == 3 else "-n"
        if len(words) <= 3 and UNKNOWN not in operator:
            return set()
        if not any(UNKNOWN in word for word in words):
            return set()
    return set(range(1, len(texts)))


def _printf(texts: Sequence[str]) -> set[int]:
    return {1} if len(texts) > 1 and texts[1].startswith((UNKNOWN, "-v")) else set()


def _find(texts: Sequence[str]) -> set[int]:
    """A value after an option that takes one is no option."""
    valued = {at + 1 for at, text in enumerate(texts) if text in FIND_VALUED}
    return {at for at in range(1, len(texts)) if _is_sharp("find", texts[at])} | (unknown(texts) - valued)


READERS: Mapping[str, Callable[[Sequence[str]], set[int]]] = {
    "git": lambda texts: gitwords.sharp(texts) | (unknown(texts) - gitwords.messages(texts)),
    "sed": sedwords.sharp,
    "test": _test,
    "[": _test,
    "printf": _printf,
    "find": _find,
}


def _is_sharp(name: str, text: str) -> bool:
    options = known().programs[name]
    if any(_like(text, rule) for rule in options.words):
        return True
    if text.startswith("--") and len(text) > 2:
        return _long(text[2:].partition("=")[0], options.long)
    return text.startswith("-") and any(letter in options.short for letter in text[1:].partition("=")[0])


def _long(given: str, names: Sequence[str]) -> bool:
    """getopt_long takes any beginning of a name for the name; what is not known yet may be any."""
    return any(name.startswith(given.partition("\0")[0]) for name in names)


def _like(text: str, rule: str) -> bool:
    if rule.startswith("*") and rule.endswith("*"):
        return rule.strip("*") in text
    return text.startswith(rule[:-1]) if rule.endswith("*") else text == rule
