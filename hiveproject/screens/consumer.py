"""`/agents/<name>/screen/ws`: a browser's noVNC, let in by origin, session, permission and ticket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.conf import settings

from agents import takeover
from agents.models import ScreenRecording
from agents.screen import lease, target
from agents.screen.recording import Recorder
from agents.screen.rfb import RfbError
from agents.screen.target import NoScreen
from broker.threads import in_thread
from hiveproject import live, tail
from hiveproject.screens import codes, control, recordings
from hiveproject.screens.admission import Admission, admit, standing
from hiveproject.screens.opening import Screen, ScreenOver
from hiveproject.screens.plain import PlainScreen
from hiveproject.screens.relay import process
from hiveproject.screens.relayed import RelayedScreen
from hiveproject.tail import Changes

CHECK_SECONDS = 5.0
IDLE_SECONDS = 300.0
"""A page that holds the control and does nothing for so long loses it."""


class Gone(Exception):
    """The browser has left before it was answered."""


class ScreenConsumer(AsyncWebsocketConsumer):
    """One page of one browser. Nothing here asks the database for a frame."""

    _admitted: Admission | None = None
    _screen: Screen | None = None
    _recording: tuple[ScreenRecording, Recorder] | None = None
    _tasks: tuple[asyncio.Task[None], ...] = ()
    _unsubscribe: Callable[[], None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the thread hop per message of the base class: no handler here uses the database itself."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self._scope = cast("dict[str, Any]", self.scope)
        own = live.is_own_page(self._scope)
        self._admitted = await in_thread(admit, self._scope, self._scope["hive_name"]) if own else None
        if self._admitted is None:
            await self.close(codes.REFUSED)
            return
        try:
            self._screen = await self._opened(self._admitted)
        except Gone:
            return
        except NoScreen as error:
            await self.accept()
            await self.close(codes.NO_SCREEN, str(error))
            return
        self._changed = asyncio.Event()
        self._unsubscribe = tail.current().subscribe(self._look)
        parts = self._carry(self._screen), self._watch(self._screen, self._admitted)
        self._tasks = tuple(map(asyncio.create_task, parts))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Only where the connection was not taken over."""
        if text_data is not None:
            await self._end(codes.BAD_MESSAGE, "only binary messages are understood here")
        elif isinstance(self._screen, PlainScreen) and bytes_data:
            try:
                await self._screen.from_browser(bytes_data)
            except RfbError as error:
                await self._end(codes.BAD_MESSAGE, str(error))
            except OSError:
                await self._end(codes.OVER, "the screen was lost")

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        self._over()

    async def _opened(self, admitted: Admission) -> Screen:
        """Accepts the websocket, unless it raises `NoScreen`."""
        paths, name = settings.HIVE_PATHS, admitted.agent.name
        credentials = await in_thread(target.credentials, paths, name)
        server = await in_thread(target.connect, paths, name)
        offer = takeover.offered(self._scope)
        relay = process.current() if offer is not None and not admitted.recorded else None
        if offer is not None and relay is not None:
            try:
                return RelayedScreen(offer, relay, server, credentials)
            except ConnectionError as error:
                server.close()
                raise Gone from error
        if admitted.recorded:
            self._recording = await in_thread(recordings.begin, admitted)
        await self.accept()
        self._writable = self._scope.get("extensions", {}).get("hyperhive.writable")
        return PlainScreen(server, credentials, self._to_browser, self.close)

    async def _to_browser(self, data: bytes) -> None:
        if self._recording is not None:
            self._recording[1].write(data)
        await self.send(bytes_data=data)
        if self._writable is not None:
            await self._writable.wait()

    async def _carry(self, screen: Screen) -> None:
        try:
            await screen.run()
        except ScreenOver as over:
            await self._end(over.code, str(over))
        except RfbError as error:
            await self._end(codes.BAD_MESSAGE, str(error))

    async def _watch(self, screen: Screen, admitted: Admission) -> None:
        """Look again at every change of this agent's control, and now and then: sessions and rights end, too."""
        while True:
            used = screen.driving and time.monotonic() - screen.last_used < IDLE_SECONDS
            found = await in_thread(standing, self._scope, admitted, used=used)
            screen.drive(found.driving)
            if not found.watches:
                await self._end(codes.REFUSED, "you are signed out, or may not watch any more")
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()

    def _look(self, changes: Changes) -> None:
        wanted = (control.TOPIC, str(self._admitted.agent.pk)) if self._admitted else None
        if any(change[1:] == wanted for change in changes):
            self._changed.set()

    async def _end(self, code: int, reason: str) -> None:
        if self._screen is not None:
            await self._screen.close(code if code != codes.LOST else codes.OVER, reason)
        self._over()

    def _over(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        screen, self._screen = self._screen, None
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if self._recording is not None:
            _later(in_thread(recordings.end, *self._recording))
            self._recording = None
        if screen is not None and screen.driving and self._admitted is not None:
            _later(_keep_for_a_while(self._admitted))


async def _keep_for_a_while(admitted: Admission) -> None:
    """Who has lost the connection while driving finds the control again for a few seconds."""
    held = admitted.agent, admitted.user, admitted.viewer
    await in_thread(control.keep, held[0], user=held[1], viewer=held[2], length=lease.GRACE)
    await asyncio.sleep(lease.GRACE.total_seconds() + 0.1)
    await in_thread(control.settle, admitted.agent)


_background: set[asyncio.Task[None]] = set()


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


websocket = CookieMiddleware(ScreenConsumer.as_asgi())
