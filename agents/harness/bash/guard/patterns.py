"""The language of `hyperhive.allowedBashPatterns`; docs/harness.md describes it.

A pattern is a line of words. Outside quotes `*` stands for any run of characters inside one word, `?` for one
character, and the word `**` for any number of words. `> GLOB` and `< GLOB` allow redirections.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

UNKNOWN = "\0"
"""Stands in a word for text that is known only when the script runs."""
PATH = "\1"
"""The same, where the text is a path that cannot be taken for an option."""
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
TOKEN = re.compile(r"""\s+|'(?P<raw>[^']*)'|"(?P<text>(?:[^"\\]|\\.)*)"|\\(?P<escaped>.)|(?P<plain>[^\s'"\\])""", re.S)
LONGEST = 2000
Character = tuple[str, bool]
"""A character, and whether it is a wildcard."""


class BadPattern(ValueError):
    """The text says what is wrong with the pattern."""


@dataclass(frozen=True)
class PatternWord:
    characters: tuple[Character, ...]

    @property
    def literal(self) -> str | None:
        """The word itself; None where it holds a wildcard."""
        return None if any(wild for _, wild in self.characters) else "".join(char for char, _ in self.characters)

    @property
    def rest(self) -> bool:
        return self.characters == (("*", True), ("*", True))

    @property
    def assigns(self) -> bool:
        """It sets a variable for the command, and says which."""
        fixed = itertools.takewhile(lambda one: not one[1], self.characters)
        return ASSIGNMENT.match("".join(char for char, _ in fixed)) is not None

    def covers(self, text: str) -> bool:
        """Shell-style matching in time proportional to both lengths; only `*` covers what is not known yet."""
        at, place, star, resume = 0, 0, -1, 0
        while place < len(text):
            if at < len(self.characters) and self.characters[at] == ("*", True):
                star, resume, at = at, place, at + 1
            elif at < len(self.characters) and _same(self.characters[at], text[place]):
                at, place = at + 1, place + 1
            elif star >= 0:
                at, place, resume = star + 1, resume + 1, resume + 1
            else:
                return False
        return all(one == ("*", True) for one in self.characters[at:])


def _same(wanted: Character, char: str) -> bool:
    return char not in (UNKNOWN, PATH) if wanted == ("?", True) else wanted == (char, False)


@dataclass(frozen=True)
class Pattern:
    """`redirection` is `>`, `<` or, for a command, empty."""

    source: str
    words: tuple[PatternWord, ...]
    redirection: str = ""

    def allows(self, vector: Sequence[str], *, many: Collection[int], sharp: Collection[int], exact: bool) -> bool:
        """Whether the pattern covers the whole vector.

        `many`: indices that stand for any number of words, which only `**` covers. `sharp`: indices that no wildcard
        covers. `exact`: the pattern must hold no wildcard at all.
        """
        if self.redirection or (exact and any(word.literal is None for word in self.words)):
            return False
        reached = {0}
        for index, text in enumerate(vector):
            reached = self._past_rests(reached)
            reached = {
                after
                for at in reached
                if at < len(self.words)
                for after in self._step(at, text, index in many, index in sharp)
            }
        return len(self.words) in self._past_rests(reached)

    def _step(self, at: int, text: str, many: bool, sharp: bool) -> Iterator[int]:
        word = self.words[at]
        if word.rest:
            if not sharp:
                yield at
        elif not many and word.covers(text) and (word.literal is not None or not sharp):
            yield at + 1

    def _past_rests(self, reached: set[int]) -> set[int]:
        """`**` may stand for no word too."""
        found = set(reached)
        for at in range(len(self.words)):
            if at in found and self.words[at].rest:
                found.add(at + 1)
        return found


def parse(source: str) -> Pattern:
    """Raises BadPattern."""
    if len(source) > LONGEST or not source.isprintable():
        raise BadPattern(f"a pattern is one line of at most {LONGEST} printable characters")
    redirection = source[0] if source[:1] in ("<", ">") else ""
    words = tuple(_words(source[len(redirection) :]))
    if redirection and (len(words) != 1 or words[0].rest):
        raise BadPattern(f"after {redirection} comes one path, such as {redirection} out/*")
    if not redirection:
        _check_command(words)
    return Pattern(source, words, redirection)


def _check_command(words: Sequence[PatternWord]) -> None:
    """The command's name is spelt out; so are the names of variables set for it."""
    name = next((word for word in words if not word.assigns), None)
    if name is None or not name.literal:
        raise BadPattern("the command's name must be written out, without a wildcard; null allows every command")


def _words(text: str) -> Iterator[PatternWord]:
    word: list[Character] | None = None
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise BadPattern("a quote is not closed")
        place = match.end()
        if not match[0].isspace():
            word = (word or []) + _characters(match)
        elif word is not None:
            yield PatternWord(tuple(word))
            word = None
    if word is not None:
        yield PatternWord(tuple(word))


def _characters(match: re.Match[str]) -> list[Character]:
    if match["plain"] is not None:
        return [(match["plain"], match["plain"] in "*?")]
    text = match["raw"] if match["raw"] is not None else match["escaped"]
    if text is None:
        text = re.sub(r'\\(["\\$`])', r"\1", match["text"])
    return [(char, False) for char in text]
