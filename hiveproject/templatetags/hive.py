"""What the templates of the hive need: parts that live, times, states, and text of agents made harmless."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents import visible

register = template.Library()

_FENCE = re.compile(r"^```([\w-]{0,20})[ \t]*\n(.*?)^```[ \t]*$\n?", re.MULTILINE | re.DOTALL)
_SHOWN_LENGTH, _SHOWN_LINES = 1_200, 16
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_TONES = {
    "pending": "needs",
    "pinning": "busy",
    "approved": "busy",
    "building": "busy",
    "running": "busy",
    "queued": "off",
    "deployed": "good",
    "done": "good",
    "failed": "bad",
    "interrupted": "bad",
    "open": "needs",
    "answered": "good",
    "active": "good",
}
_WORDS = {
    "pending": "waiting",
    "pinning": "being checked",
    "apply_commit": "change",
    "spawn": "new agent",
    "rollback": "rollback",
    "schedule_prompt": "scheduled prompt",
    "update_inputs": "shared inputs",
    "destroy": "destroy",
}
_SHAPES = {"good": "●", "busy": "◐", "needs": "◆", "bad": "▲", "off": "○"}

register.filter("prose", visible.prose)
register.filter("code", visible.code)
register.filter("log_line", visible.log)
register.filter("plain", visible.plain)


@register.simple_tag(takes_context=True)
def live(context: Context, name: str, topics: str) -> SafeString:
    """Attributes of a part of the page that is fetched again when one of the topics changes.

    A topic is a word of the change feed, or `word:id` for one object of it.
    """
    attributes = format_html('id="panel-{0}" data-panel="{0}" data-topics="{1}"', name, topics)
    return format_html('{} hx-swap-oob="morph"', attributes) if context.get("as_parts") else attributes


@register.filter
def ago(at: datetime | None) -> SafeString:
    """`3 min ago`, with the absolute time on hover."""
    if at is None:
        return SafeString("never")
    age = timezone.now() - at
    words = "just now" if age < timedelta(seconds=45) else f"{span(age)} ago"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", words)


@register.filter
def span(length: timedelta) -> str:
    """A length of time in one unit; rounded to the nearest."""
    seconds = max(0.0, length.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size * 0.75:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


@register.simple_tag
def took(start: datetime | None, end: datetime | None) -> str:
    """How long from start to end, or until now."""
    return "" if start is None else span((end or timezone.now()) - start)


@register.filter
def word(status: str) -> str:
    """A status or kind as a person says it."""
    return _WORDS.get(status, status.replace("_", " "))


@register.filter
def tone(status: str) -> str:
    return _TONES.get(status, "off")


@register.filter
def badge(status: str) -> SafeString:
    """A status by word, colour and shape."""
    return mark(tone(status), word(status))


@register.simple_tag
def mark(tone: str, text: str) -> SafeString:
    """A word with its colour and shape."""
    return format_html(
        '<span class="mark mark-{}"><span class="shape" aria-hidden="true">{}</span>{}</span>',
        tone,
        _SHAPES.get(tone, "○"),
        text,
    )


@register.filter
def who(actor: str) -> SafeString:
    """`operator:ada` as a name; what kind of actor it is on hover."""
    kind, _, name = actor.rpartition(":")
    return format_html('<span class="who" title="{}">{}</span>', kind or actor, visible.prose(name))


@register.filter
def short(commit: str) -> SafeString:
    """A commit in twelve digits, whole on hover."""
    return format_html('<code class="commit" title="{}">{}</code>', commit, commit[:12]) if commit else SafeString("")


@register.filter
def message_body(text: str) -> SafeString:
    """A message: plain text, fenced blocks set apart; nothing of it is markup."""
    parts, at = [], 0
    for fence in _FENCE.finditer(text):
        parts += [("p", text[at : fence.start()]), ("pre", fence[2])]
        at = fence.end()
    parts.append(("p", text[at:]))
    shown = [(tag, visible.prose(part.strip("\n"))) for tag, part in parts if part.strip()]
    return format_html_join("", '<{0} class="said">{1}</{0}>', shown)


@register.filter
def beginning(text: str) -> str:
    """As much of a message as a list shows."""
    return "\n".join(text[:_SHOWN_LENGTH].splitlines()[:_SHOWN_LINES])


@register.filter
def is_long(text: str) -> bool:
    return len(text) > _SHOWN_LENGTH or text.count("\n") >= _SHOWN_LINES


@register.filter
def way(state: str) -> str:
    """What became of a message on its way to one recipient."""
    return {"queued": "waiting", "delivered": "being read", "acknowledged": "done", "dead": "not delivered"}.get(
        state, state
    )


@register.filter
def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
