"""git runs programs by many options, by configuration and by aliases: which of its words must be written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.harness.bash.guard.known import known

GLOBAL = ("--no-pager", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects", "--bare", "--version")
GLOBAL_VALUED = ("-C",)
SHARP_VALUED = ("-c", "--config-env", "--git-dir", "--work-tree", "--namespace", "--attr-source")


def sharp(words: Sequence[str]) -> set[int]:
    """Indices in a vector that begins with git."""
    place = 1
    found: set[int] = set()
    while place < len(words) and words[place].startswith(("-", "\0")):
        if words[place] in SHARP_VALUED:
            found |= {place, place + 1} & set(range(len(words)))
        if words[place] in (*GLOBAL_VALUED, *SHARP_VALUED):
            place += 1
        elif words[place] not in GLOBAL:
            found.add(place)
        place += 1
    if place >= len(words):
        return found
    command = words[place]
    if command not in known().git_commands:
        return set(range(1, len(words)))
    return found | set(_in_command(words, place, known().git_short.get(command, "")))


def messages(words: Sequence[str]) -> set[int]:
    """Indices of texts after -m, which are never options."""
    if len(words) < 2 or words[1] not in ("commit", "tag", "merge"):
        return set()
    return {at + 1 for at, word in enumerate(words) if word in ("-m", "-am")}


def _in_command(words: Sequence[str], place: int, letters: str) -> Iterator[int]:
    for at in range(place + 1, len(words)):
        word = words[at]
        name = word[2:].partition("=")[0].partition("\0")[0]
        if (word.startswith("--") and name and any(long.startswith(name) for long in known().git_long)) or (
            word.startswith("-") and not word.startswith("--") and any(letter in letters for letter in word[1:])
        ):
            yield at
        elif word.startswith(("ext::", "fd::")) or "::" in word.partition("/")[0]:
            yield at  # a transport that is a program of its own
