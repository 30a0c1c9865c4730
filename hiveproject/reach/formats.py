"""How each kind of receiver wants to be told. Text of agents is made plain: no markup, no mentions, nothing hidden."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from agents import visible
from hiveproject.reach.addresses import PLACE

KINDS = ("ntfy", "slack", "matrix", "json")
_TITLE, _DETAIL = 200, 600


@dataclass(frozen=True)
class Told:
    """What is told. `tone` is `needs` or `bad`; `number` is the same when it is told again."""

    number: int
    title: str
    detail: str
    link: str
    tone: str


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def request(kind: str, url: str, secret: str, told: Told) -> Request:
    """The HTTP request that tells it."""
    plain = Told(told.number, _plain(told.title, _TITLE), _plain(told.detail, _DETAIL), told.link, told.tone)
    where = url.replace(PLACE, quote(secret, safe="/:@!$&'()*+,;=-._~"))
    return _FORMS[kind](where, {} if PLACE in url or not secret else {"Authorization": f"Bearer {secret}"}, plain)


def _ntfy(url: str, headers: Mapping[str, str], told: Told) -> Request:
    """https://docs.ntfy.sh/publish/#publish-as-json: the last part of the address is the topic."""
    parts = urlsplit(url)
    folder, _, topic = parts.path.rstrip("/").rpartition("/")
    message = {
        "topic": topic,
        "title": told.title,
        "message": told.detail or told.title,
        "click": told.link,
        "priority": 4 if told.tone == "bad" else 3,
        "tags": ["warning" if told.tone == "bad" else "large_orange_diamond"],
    }
    return _json("POST", urlunsplit((parts.scheme, parts.netloc, f"{folder}/", parts.query, "")), headers, message)


def _slack(url: str, headers: Mapping[str, str], told: Told) -> Request:
    """https://api.slack.com/reference/surfaces/formatting#escaping: so nobody is mentioned and nothing linked."""
    detail = f"\n{_slack_text(told.detail)}" if told.detail else ""
    text = f"*{_slack_text(told.title)}*{detail}\n<{told.link}|Open in the hive>"
    return _json("POST", url, headers, {"text": text, "unfurl_links": False})


def _matrix(url: str, headers: Mapping[str, str], told: Told) -> Request:
    """Client-server API, `…/rooms/ROOM/send/m.room.message`; the number makes a repeated message the same one."""
    body = "\n".join(part for part in (told.title, told.detail, told.link) if part)
    message = {"msgtype": "m.text", "body": body, "m.mentions": {}}
    return _json("PUT", f"{url.rstrip('/')}/hyperhive-{told.number}", headers, message)


def _plain_json(url: str, headers: Mapping[str, str], told: Told) -> Request:
    message = {"id": told.number, "title": told.title, "detail": told.detail, "url": told.link, "tone": told.tone}
    return _json("POST", url, headers, message)


_FORMS: dict[str, Callable[[str, Mapping[str, str], Told], Request]] = {
    "ntfy": _ntfy,
    "slack": _slack,
    "matrix": _matrix,
    "json": _plain_json,
}


def _json(method: str, url: str, headers: Mapping[str, str], message: Mapping[str, object]) -> Request:
    return Request(method, url, json.dumps(message).encode(), {**headers, "Content-Type": "application/json"})


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, most: int) -> str:
    """One line, cut, everything that cannot be seen named by its code point."""
    line = visible.plain(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"
