"""The browser's websocket: says which topics changed, never what they say; the page fetches that as its user.

Refused before it is accepted without a session of an active user and a page of this hive as its origin. Both the
session and the user are looked at again at every event, so that signing out or being locked out ends it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from broker.threads import in_thread
from hiveproject import tail
from hiveproject.tail import Changes

PATH = "/ws/live"
REFUSED = 4403
_NOT_UNDERSTOOD = 1008
_GAP_SECONDS = 0.04
_MANY = 200


class LiveConsumer(AsyncWebsocketConsumer):
    """One page of one browser."""

    _unsubscribe: Callable[[], None] | None = None
    _telling: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self._topics: dict[str, set[str]] = {}
        if not is_own_page(self.scope) or not await in_thread(may_look, self.scope):
            await self.close(REFUSED)
            return
        self._unsubscribe = tail.current().subscribe(self._changed)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        """The page asks now and then whether the line still stands; nothing else is understood."""
        if text_data == "ping":
            await self.send('{"pong":true}')
        else:
            await self.close(_NOT_UNDERSTOOD)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._telling is not None:
            self._telling.cancel()

    def _changed(self, changes: Changes) -> None:
        """Remember what changed; what comes in while a frame is on its way goes with the next one."""
        for _, topic, object_id in changes:
            self._topics.setdefault(topic, set()).add(object_id)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._topics:
            topics, self._topics = self._topics, {}
            if not await in_thread(may_look, self.scope):
                await self.close(REFUSED)
                return
            # Too many to name: an empty list means every object of the topic.
            named = {topic: sorted(ids) if len(ids) <= _MANY else [] for topic, ids in topics.items()}
            await self.send(json.dumps({"topics": named}))
            await asyncio.sleep(_GAP_SECONDS)


websocket = CookieMiddleware(LiveConsumer.as_asgi())


def may_look(scope: Mapping[str, Any]) -> bool:
    """Whether the session of the cookie still stands and its user is active. Blocks."""
    return user_of(scope) is not None


def user_of(scope: Mapping[str, Any]) -> User | None:
    """The active user whose session the cookie names, if it still stands. Blocks."""
    session = SessionStore(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
    user = get_user(cast(HttpRequest, SimpleNamespace(session=session)))
    return user if isinstance(user, User) and user.is_active else None


def is_own_page(scope: Mapping[str, Any]) -> bool:
    """Whether the handshake comes from a page of this hive: same host and port as asked for, or a trusted origin."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin, host = headers.get(b"origin", ""), headers.get(b"host", "")
    name, _ = split_domain_port(host)
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return False
    parts = urlsplit(origin)
    return origin in settings.CSRF_TRUSTED_ORIGINS or (
        parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
    )
