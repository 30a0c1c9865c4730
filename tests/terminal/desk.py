"""A real web process, a real harness beside it, and a browser's websocket as a plain client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.broker.hive import Hive

SECONDS = 45


class Browser:
    """What a page of an operator sends and sees."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.screen = ""
        self.words: list[dict[str, Any]] = []

    async def say(self, **words: object) -> None:
        await self.socket.send(json.dumps(words))

    async def type(self, text: str) -> None:
        await self.socket.send(text.encode())

    async def until(self, wanted: Callable[[], object]) -> Any:
        """Read on until `wanted()` is true."""
        async with asyncio.timeout(SECONDS):
            while not (value := wanted()):
                self._take(await self.socket.recv())
        return value

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in self.screen)

    async def told(self, word: str) -> Any:
        return await self.until(lambda: next((said[word] for said in self.words if word in said), None))

    async def open(self) -> str:
        await self.say(open=[80, 24])
        return str(await self.told("opened"))

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.screen += message.decode()
        else:
            self.words.append(json.loads(message))


@asynccontextmanager
async def looks(
    hive: Hive, cookie: str, name: str = "alice", origin: str = "", ticket: str | None = None
) -> AsyncIterator[Browser]:
    """An open page. Raises `InvalidStatus` where the hive refuses it."""
    headers = {"Cookie": f"hyperhive_session={cookie}"}
    if ticket is None:
        _, ticket = await asyncio.to_thread(ask_for_ticket, hive, cookie, name)
    address = f"ws://127.0.0.1:{hive.port}/agents/{name}/terminal/ws?ticket={ticket}"
    origin = origin or f"http://127.0.0.1:{hive.port}"
    async with connect(address, additional_headers=headers, origin=origin, compression=None) as socket:  # type: ignore[arg-type]
        yield Browser(socket)


def ask_for_ticket(hive: Hive, cookie: str, name: str = "alice") -> tuple[int, str]:
    """HTTP status, and the ticket where there is one."""
    csrf = "c" * 32
    headers = {
        "Cookie": f"hyperhive_session={cookie}; hyperhive_csrf={csrf}",
        "X-CSRFToken": csrf,
        "HX-Request": "true",
    }
    headers["Origin"] = f"http://127.0.0.1:{hive.port}"
    connection = HTTPConnection("127.0.0.1", hive.port, timeout=SECONDS)
    try:
        connection.request("POST", f"/agents/{name}/terminal/ticket/", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body)["ticket"] if answer.status == 200 else ""
    finally:
        connection.close()


def session(hive: Hive, user: str, *, powers: bool = True) -> str:
    """The session cookie of a signed-in user."""
    code = (
        "from django.contrib.auth.models import User; from django.contrib.sessions.backends.db import SessionStore; "
        f"user, _ = User.objects.get_or_create(username={user!r}, is_superuser={powers}, is_staff=True); "
        "s = SessionStore(); s['_auth_user_id'] = str(user.pk); "
        "s['_auth_user_backend'] = 'django.contrib.auth.backends.ModelBackend'; "
        "s['_auth_user_hash'] = user.get_session_auth_hash(); s.save(); print(s.session_key)"
    )
    return hive.manage("shell", "--verbosity=0", "-c", code).split()[-1]
