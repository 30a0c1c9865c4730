"""Letters that look like others."""

from __future__ import annotations

import re

from approvals.risks.nix.rule import Findings, Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.tokens import Kind
from approvals.risks.wording import cited

_WORD = re.compile(r"\w+")
_LATIN = re.compile("[A-Za-z]")
# Letters of other alphabets that are drawn as Latin ones (Unicode TR 39), and Latin ones that are drawn alike.
_ALIKE = re.compile(
    "[асеԁһіјӏорԛѕԝхуүАВСЕНІЈКМОРԚЅТԜХУҮ"
    "αγιικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
    "օոսցհյզԱՍՕ"
    "ıȷɡɑ"
    "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]"
)


def in_word(text: str) -> bool:
    """Whether a word mixes Latin letters with ones that look like them."""
    return any(_LATIN.search(word[0]) and _ALIKE.search(word[0]) for word in _WORD.finditer(text))


def _in_code(source: Source) -> Findings:
    for at, token in enumerate(source.tokens):
        if token.kind is Kind.OPERATOR and not token.text.isascii():
            yield at, _points(token.text)


def _in_names(source: Source) -> Findings:
    names = {at for at, _ in source.words}
    for at, token in enumerate(source.tokens):
        if token.kind not in (Kind.STRING, Kind.TEXT) or token.text.isascii():
            continue
        if at in names or source.token(at + 1).is_op("=", ".") or in_word(token.text):
            yield at, _points(token.text)


def _points(text: str) -> str:
    points = [f"U+{ord(character):04X}" for character in dict.fromkeys(text) if not character.isascii()]
    return f"{cited(text[:20])}: {' '.join(points[:4])}"


RULES = (
    Rule("non-ascii-code", "high", "Nix names are ASCII: something only looks like a name or a sign.", _in_code),
    Rule("confusable", "high", "It looks like another name and is not the same.", _in_names),
)
