"""A word of a script: what it will be, as far as that is known, and how it is written anew."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from agents.harness.bash.guard.patterns import PATH, UNKNOWN
from agents.harness.bash.guard.refused import Refused

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ANSI_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@dataclass(frozen=True)
class Word:
    """`text` has UNKNOWN where a value is known only at run time; `many`: it may become any number of words.

    `split`: bash cuts it into words, so that even its beginning is not known for all of them.
    """

    text: str
    shell: str
    many: bool = False
    split: bool = False

    def __add__(self, other: Word) -> Word:
        split = self.split or other.split
        text = UNKNOWN if split else self.text + other.text
        return Word(text, self.shell + other.shell, self.many or other.many, split)

    @property
    def known(self) -> bool:
        return not self.many and UNKNOWN not in self.text and PATH not in self.text


EMPTY = Word("", "")


def literal(text: str) -> Word:
    return Word(text, shlex.quote(text))


def quoted(text: str) -> str:
    """In single quotes even where none are needed: no alias and no reserved word is meant by it."""
    return "'" + text.replace("'", "'\\''") + "'"


def variable(name: str, *, in_quotes: bool) -> Word:
    if name != "?" and not NAME.fullmatch(name):
        raise Refused(f"${name}", "only $name and ${name} are understood")
    return Word(UNKNOWN, f'"${{{name}}}"') if in_quotes else Word(UNKNOWN, f"${{{name}}}", many=True, split=True)


def unquoted(raw: str, home: str, *, globs: bool = True, at_start: bool = True, whole: bool = True) -> Word:
    """Raw text of a script outside quotes. Raises Refused."""
    found, place = EMPTY, 0
    if at_start and raw.startswith("~"):
        found, place = _home(raw, home)
    plain = ""
    while place < len(raw):
        char = raw[place]
        if char == "\\":
            plain += _escaped(raw, place)
            place += 1
        elif char in "*?" and globs:
            found += literal(plain) if plain else EMPTY
            found, plain = found + Word(UNKNOWN, char, many=True), ""
        elif char in "*?[]{}$`\"'" and not (whole and raw in ("[", "]", "{}")):
            raise Refused(raw, f"{char} outside quotes is not understood here; quote it or write the words out")
        else:
            plain += char
        place += 1
    return found + literal(plain) if plain or not found.shell else found


def _home(raw: str, home: str) -> tuple[Word, int]:
    if raw != "~" and not raw.startswith("~/"):
        raise Refused(raw, "of ~ only the own home is understood")
    return literal(home), 1


def _escaped(raw: str, place: int) -> str:
    if place + 1 >= len(raw):
        raise Refused(raw, "a backslash escapes nothing")
    following = raw[place + 1]
    return "" if following == "\n" else following


def in_double_quotes(raw: str) -> Word:
    """Literal text between double quotes: a backslash escapes only $, `, \", \\ and the end of a line."""
    if re.search(r'(?<!\\)(?:\\\\)*[`$"]', raw):
        raise Refused(raw, 'a $, ` or " inside double quotes is not understood here')
    return Word(*_both(re.sub(r'\\([$`"\\\n])', lambda match: "" if match[1] == "\n" else match[1], raw)))


def _both(text: str) -> tuple[str, str]:
    return text, shlex.quote(text) if text else ""


def ansi(raw: str) -> Word:
    r"""$'…' with the plain escapes only."""
    body = raw[2:-1]
    if re.sub(r"\\[ntr\\'\"]", "", body).count("\\"):
        raise Refused(raw, r"of the escapes in $'…' only \n \t \r \\ \' and \" are understood")
    return literal(re.sub(r"\\(.)", lambda match: ANSI_ESCAPES[match[1]], body))
