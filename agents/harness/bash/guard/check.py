"""The guard itself: a script and the patterns in, the script as it will run out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from agents.harness.bash.guard import patterns, sharp, wrappers
from agents.harness.bash.guard.known import known
from agents.harness.bash.guard.patterns import ASSIGNMENT, UNKNOWN, Pattern
from agents.harness.bash.guard.refused import Refused
from agents.harness.bash.guard.script import Script
from agents.harness.bash.guard.words import Word, literal

DEEPEST = 8


class Guard:
    """`allowed` is the value of `hyperhive.allowedBashPatterns`. Raises BadPattern for one that cannot be read."""

    def __init__(self, allowed: Sequence[str], *, home: str, exported: Collection[str] = ()) -> None:
        self._patterns = [patterns.parse(one) for one in allowed]
        self._home, self._exported = home, frozenset(exported)

    def checked(self, text: str) -> str:
        """The script written anew from what was checked: this, and not `text`, is what may run. Raises Refused."""
        return Script(text, self, home=self._home, exported=self._exported).rewritten()

    def program(self, argv: Sequence[str]) -> None:
        """Whether a program may be started with these words, without a shell. Raises Refused."""
        if any(ord(char) < 32 and char not in "\n\t" for word in argv for char in word):
            raise Refused(" ".join(argv), "a word holds a control character")
        self._command([literal(word) for word in argv], " ".join(argv), 0)

    def vector(self, vector: Sequence[Word], part: str) -> None:
        self._command(vector, part, 0)

    def redirection(self, kind: str, path: str, part: str) -> None:
        if re.match(r"/dev/(tcp|udp)(/|$)", re.sub(r"/+", "/", path)) or ".." in path.split("/"):
            raise Refused(part, "a redirection to such a path is never allowed")
        if not any(one.redirection == kind and one.words[0].covers(path) for one in self._patterns):
            raise Refused(part, f"no pattern allows {kind} {path}")

    def _command(self, vector: Sequence[Word], part: str, depth: int) -> None:
        start = next((at for at, word in enumerate(vector) if not _assigns(word)), len(vector))
        if start == len(vector) or not vector[start].known:
            raise Refused(part, "the name of a command must be written out")
        name = vector[start].text
        if name in known().never:
            raise Refused(part, f"{name} changes or evaluates what the shell reads; it is never allowed")
        if depth > DEEPEST:
            raise Refused(part, "commands are wrapped too deeply")
        if not self._covered(vector, start):
            raise Refused(part, _why(vector[start:]))
        for inner in wrappers.commands_in(vector[start:]):
            self._command(inner, part, depth + 1)

    def _covered(self, vector: Sequence[Word], start: int) -> bool:
        edges = sharp.of(vector[start:])
        # Variables set for a command are as sharp as its name.
        indices = {start, *(at + start for at in edges.indices)}
        many = {at for at, word in enumerate(vector) if word.many}
        texts = [word.text for word in vector]
        return any(one.allows(texts, many=many, sharp=indices, exact=edges.exact) for one in self._patterns)


def _assigns(word: Word) -> bool:
    return ASSIGNMENT.match(word.text) is not None


def _why(vector: Sequence[Word]) -> str:
    edges = sharp.of(vector)
    name = vector[0].text
    if edges.exact:
        return f"{name} may run anything: only a pattern that spells the whole command out allows it"
    open_ended = [vector[at].shell for at in sorted(edges.indices) if vector[at].text.startswith(UNKNOWN)]
    if open_ended:
        return (
            f"{open_ended[0] or 'what is added'} could become an option of {name}; put it after -- or begin it with ./"
        )
    spelt = [vector[at].shell for at in sorted(edges.indices) if at]
    if spelt:
        return f"no pattern allows this command; {' '.join(spelt)} must be spelt out in one, no wildcard stands for it"
    return "no pattern of hyperhive.allowedBashPatterns allows this command"


__all__ = ["Guard", "Pattern", "Refused"]
