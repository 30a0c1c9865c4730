"""A real web process, a real harness beside it, and a browser's websocket as a plain client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
async def looks(hive: Hive, cookie: str, name: str = "alice", origin: str = "") -> AsyncIterator[Browser]:
    """An open page. Raises `InvalidStatus` where the hive refuses it."""
    headers = {"Cookie": f"hyperhive_session={cookie}"}
    address = f"ws://127.0.0.1:{hive.port}/agents/{name}/terminal/ws"
    origin = origin or f"http://127.0.0.1:{hive.port}"
    async with connect(address, additional_headers=headers, origin=origin, compression=None) as socket:  # type: ignore[arg-type]
        yield Browser(socket)


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
