"""Text that agents wrote, made harmless to look at.

What cannot be seen or turns the direction of reading (Trojan Source, CVE-2021-42574) is shown by its code point, so
that a reader sees what a program would read.
"""

from __future__ import annotations

import re
import unicodedata

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_TURNING = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_UNSEEN = "\u200b\u2060-\u2065\ufeff\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e00ff"
# In code also what joins, selects a variant or only looks like a space; in prose emoji need those.
_LOOK_ALIKE = (
    "\u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200d\u202f\u205f\u206a-\u206f\u2800\u3000"
    "\u3164\ue000-\uf8ff\ufe00-\ufe0f\uffa0\U0001d173-\U0001d17a\U000e0100-\U000e0fff"
)
IN_PROSE = re.compile(f"[{_CONTROL}{_TURNING}{_UNSEEN}]")
IN_CODE = re.compile(f"[{_CONTROL}{_TURNING}{_UNSEEN}{_LOOK_ALIKE}]")
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


def prose(text: str) -> SafeString:
    """A message or a note as HTML text: no markup of its own, hidden characters named."""
    return _named(text.replace("\r\n", "\n"), IN_PROSE)


def code(text: str) -> SafeString:
    """A piece of source as HTML text: everything that is not plainly visible is named."""
    return _named(text, IN_CODE)


def log(text: str) -> SafeString:
    """A line of a program's output as HTML text; colours are dropped, other control characters named."""
    return _named(_COLOURS.sub("", text).rstrip("\r"), IN_PROSE)


def plain(text: str) -> str:
    """The same for places that take no markup, such as a label."""
    return IN_CODE.sub(lambda match: f"U+{ord(match[0]):04X}", text)


def hidden_in(text: str) -> list[str]:
    """Names of the characters of a source that a reader would not see, each once, in order."""
    return list(dict.fromkeys(_name(match[0]) for match in IN_CODE.finditer(text)))


def _named(text: str, hidden: re.Pattern[str]) -> SafeString:
    return mark_safe(hidden.sub(_mark, str(escape(text))))  # noqa: S308 - escaped just here; marks are escaped too


def _mark(match: re.Match[str]) -> str:
    return format_html('<span class="unseen" title="{}">{}</span>', _name(match[0]), f"U+{ord(match[0]):04X}")


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control character')}"
