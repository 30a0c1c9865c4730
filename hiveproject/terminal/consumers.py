"""The two websockets of a terminal: the browser's, and the one by which the harness answers.

The harness opens the PTY and connects by itself, over its agent's own socket, when it is asked to: the host never
enters the container. Bytes wait for the side that reads them, all the way back to the program that writes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import CookieMiddleware

from agents import tickets
from agents.models import Agent, Ticket
from broker import frames, hub
from broker.consumers import authenticated
from broker.threads import in_thread
from hiveproject import live
from hiveproject.terminal import rooms, sessions, words
from hiveproject.terminal.recording import Recording
from hiveproject.terminal.rooms import Room, TooMany
from hiveproject.terminal.words import NotUnderstood

logger = logging.getLogger(__name__)
MAY = "agents.open_terminal"
REFUSED, OVER, PROTOCOL = 4403, 4410, 4400
ANSWER_SECONDS = 10.0
CHECK_SECONDS = 5.0
_LONGEST_INPUT = 64 * 1024


class _Bytes(AsyncWebsocketConsumer):
    """One side: carries bytes no faster than its client reads."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the thread hop per message of the base class."""
        await getattr(self, get_handler_name(message))(message)

    async def output(self, data: bytes) -> None:
        writable = cast("dict[str, Any]", self.scope).get("extensions", {}).get("hyperhive.writable")
        if writable is not None:
            await writable.wait()
        await self._send(bytes_data=data)

    async def tell(self, **words: object) -> None:
        await self._send(text_data=json.dumps(words))

    async def hang_up(self) -> None:
        with contextlib.suppress(Exception):  # it is gone already, whatever says so
            await self.close(OVER)

    async def _send(self, **message: Any) -> None:
        with contextlib.suppress(RuntimeError):  # it has closed in between
            await self.send(**message)


class TerminalConsumer(_Bytes):
    """The browser's side. `open` begins a shell, `resume` goes back to one that is still there."""

    room: Room | None = None
    _checking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.agent = self.scope["hive_name"]  # type: ignore[typeddict-item]
        user = await in_thread(_admitted, self.scope, self.agent) if live.is_own_page(self.scope) else None
        if user is None:
            await self.close(REFUSED)
            return
        self.user = user
        await self.accept()
        self._checking = asyncio.create_task(self._keep_checking())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if bytes_data is not None:
                await self._typed(bytes_data)
            else:
                await self._said(words.read(text_data or ""))
        except NotUnderstood as refusal:
            await self.tell(ended=f"The page said what is not understood: {refusal}.")
            await self.close(PROTOCOL)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        if self._checking is not None:
            self._checking.cancel()
        if self.room is not None:
            self.room.left(self)

    async def _typed(self, data: bytes) -> None:
        if self.room is None:
            raise NotUnderstood("nothing is open yet")
        for at in range(0, len(data), _LONGEST_INPUT):
            await self.room.typed(data[at : at + _LONGEST_INPUT])

    async def _said(self, said: dict[str, Any]) -> None:
        if "resize" in said and self.room is not None:
            await self.room.resized(*words.size(said["resize"]))
        elif "close" in said and self.room is not None:
            await self.room.end("Closed.")
        elif "resume" in said and self.room is None:
            await self._resume(words.room_id(said["resume"]), *words.size(said.get("size")))
        elif "open" in said and self.room is None:
            await self._open(*words.size(said["open"]))
        else:
            raise NotUnderstood("there is open, resume, resize and close")

    async def _resume(self, room_id: str, columns: int, rows: int) -> None:
        room = rooms.find(room_id, self.agent)
        if room is None or room.user != self.user:
            await self.tell(gone=True)
            return
        self.room = room
        await self.tell(opened=room.id)
        await room.entered(self)
        await room.resized(columns, rows)

    async def _open(self, columns: int, rows: int) -> None:
        session = hub.current().session(self.agent)
        if session is None:
            await self._refuse(f"{self.agent} is not connected: start it, then try again.")
            return
        record = await in_thread(sessions.opened, self.agent, self.user)
        recording = await in_thread(_recording, self.agent, record, columns, rows)
        room = Room(self.agent, self.user, record, recording, _over)
        try:
            rooms.add(room)
        except TooMany as refusal:
            await room.end(str(refusal))
            await self._refuse(f"{refusal}.")
            return
        self.room, room.viewer = room, self
        session.tell(frames.open_terminal(room.id, columns, rows))
        await self._await_shell(room)

    async def _await_shell(self, room: Room) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await room.answered.wait()
        except TimeoutError:
            await room.end(f"{self.agent} did not open a shell within {ANSWER_SECONDS:.0f} s: look at its log.")
            return
        if not room.is_over:
            await self.tell(opened=room.id)

    async def _refuse(self, why: str) -> None:
        await self.tell(ended=why)
        await self.close(OVER)

    async def _keep_checking(self) -> None:
        """Who signs out or loses the permission loses the terminal, and the shell with it."""
        while await in_thread(_allowed, self.scope):  # noqa: ASYNC110 - nothing tells when a session ends
            await asyncio.sleep(CHECK_SECONDS)
        if self.room is not None:
            await self.room.end("You are signed out.")
        await self.close(REFUSED)


class ShellConsumer(_Bytes):
    """The harness's side: `/ws/terminal/<id>` on the agent's socket."""

    room: Room | None = None

    async def connect(self) -> None:
        scope = cast("dict[str, Any]", self.scope)
        agent = await in_thread(authenticated, scope)
        room = rooms.find(scope["hive_name"], agent.name) if agent is not None else None
        if room is None or room.shell is not None or room.is_over:
            await self.close()
            return
        self.room, room.shell = room, self
        await self.accept()
        room.answered.set()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.room is None:
            return
        if bytes_data is not None:
            await self.room.shown(bytes_data)
            return
        with contextlib.suppress(NotUnderstood):
            why = str(words.read(text_data or "").get("ended", "The shell has ended."))[:500]
            await self.room.end(why)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        if self.room is not None:
            await self.room.end("The container has closed the terminal.")


def _admitted(scope: Mapping[str, Any], name: str) -> str | None:
    """As `_allowed`, for whoever also shows a ticket; the ticket is spent. Blocks."""
    user, token = live.user_of(scope), parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
    agent = Agent.objects.filter(name=name).first()
    if user is None or agent is None or tickets.spend(token, agent, user, Ticket.Purpose.TERMINAL) is None:
        return None
    return _allowed(scope)


def _allowed(scope: Mapping[str, Any]) -> str | None:
    """The name of the signed-in user if it may open terminals. Blocks."""
    user = live.user_of(scope)
    return user.get_username() if user is not None and user.has_perm(MAY) else None


def _recording(agent: str, record: int, columns: int, rows: int) -> Recording | None:
    """None where it cannot be written: a terminal is no use without, so the log says why. Blocks."""
    try:
        return Recording(sessions.file(agent, record), columns, rows)
    except OSError as error:
        logger.error("terminal %d of %s is not recorded: %s", record, agent, error)
        return None


async def _over(room: Room) -> None:
    rooms.remove(room)
    size = room.recording.size if room.recording is not None else 0
    await in_thread(sessions.closed, room.record, room.why, size)


browser = CookieMiddleware(TerminalConsumer.as_asgi())
shell = ShellConsumer.as_asgi()
