"""A signed-in person at a hive of the tests' own: asks for tickets, opens screens, takes control."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect

from tests.broker.hive import Hive
from tests.screen.viewer import Viewer

_SIGN_IN = """
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user, _ = User.objects.get_or_create(username={name!r}, defaults={{"is_superuser": {rights}}})
session = SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
session["_auth_user_hash"] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""


class Operator:
    def __init__(self, hive: Hive, name: str = "ada", *, rights: bool = True) -> None:
        self.hive, self.name = hive, name
        code = _SIGN_IN.format(name=name, rights=rights)
        self.session = hive.manage("shell", "--verbosity=0", "-c", code).split()[-1]
        self._csrf = secrets.token_hex(16)
        self.viewer = ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.hive.port}"

    @property
    def cookie(self) -> str:
        return f"hyperhive_session={self.session}; hyperhive_csrf={self._csrf}"

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Status and body."""
        status, body = self._ask("POST", path, urlencode(fields))
        return status, body.decode()

    def get(self, path: str) -> tuple[int, bytes]:
        return self._ask("GET", path)

    def _ask(self, verb: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        headers = {"Cookie": self.cookie, "X-CSRFToken": self._csrf, "HX-Request": "true"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(HTTPConnection("127.0.0.1", self.hive.port, timeout=60)) as connection:
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ticket(self, agent: str, **fields: str) -> str:
        status, body = self.post(f"/agents/{agent}/screen/ticket/", viewer=self.viewer, **fields)
        assert status == 200, (status, body)
        answer: dict[str, Any] = json.loads(body)
        self.viewer = answer["viewer"]
        return str(answer["ticket"])

    def act(self, agent: str, verb: str) -> int:
        return self.post(f"/agents/{agent}/screen/{verb}/", viewer=self.viewer)[0]

    def open(self, agent: str, ticket: str | None = None, *, origin: str | None = None, **options: Any) -> Any:
        """The websocket of a screen, to be entered."""
        token = self.ticket(agent) if ticket is None else ticket
        where = f"ws://127.0.0.1:{self.hive.port}/agents/{agent}/screen/ws?ticket={token}"
        fixed: dict[str, Any] = {"compression": None, "max_size": None, "additional_headers": {"Cookie": self.cookie}}
        told = self.origin if origin is None else origin or None
        return connect(where, origin=told, **{**fixed, **options})  # type: ignore[arg-type]

    @asynccontextmanager
    async def watching(self, agent: str) -> AsyncIterator[Viewer]:
        """A viewer that has been greeted."""
        async with self.open(agent) as socket:
            viewer = Viewer(socket)
            await viewer.greet()
            yield viewer
