"""The websocket to the hive: connects for as long as the agent lives, hands messages over, carries calls."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from agents.harness.config import BadConfiguration, Config
from agents.harness.frames import FRAME_LIMIT, Frame, Message, hello, pong
from agents.harness.journal import Emit
from agents.harness.ledger import Ledger
from agents.harness.standing import Standing

HARNESS = "hive-agent 1"
CLOSE_REPLACED = 4409
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
WELCOME_SECONDS = 10
CALL_SECONDS = 240


class LinkEnded(Exception):
    """There is no point in connecting again; `code` is the exit code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class HiveAway(Exception):
    """The hive cannot be asked now; the same call may be made again later."""


class CallRefused(Exception):
    """The hive's own words why it did not do what was asked."""


class Link:
    def __init__(self, config: Config, ledger: Ledger, standing: Standing, emit: Emit) -> None:
        self._config, self._ledger, self._standing, self._emit = config, ledger, standing, emit
        self._socket: ClientConnection | None = None
        self._calls: dict[str, asyncio.Future[str]] = {}
        self._told = ""
        self._handlers: dict[str, Callable[[Frame], None]] = {}
        self.opened = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def on(self, kind: str, handler: Callable[[Frame], None]) -> None:
        """`handler` gets every frame of this kind."""
        self._handlers[kind] = handler

    async def run(self) -> None:
        """Never returns; raises LinkEnded when the hive says that this harness must go."""
        pause = FIRST_PAUSE
        while True:
            welcomed = await self._attempt()
            pause = FIRST_PAUSE if welcomed else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, hides nothing

    async def send(self, frames: Iterable[Frame]) -> None:
        """Send what can be sent; what is lost with the socket is settled when the hive delivers again."""
        for frame in frames:
            socket = self._socket
            if socket is None:
                return
            try:
                await socket.send(json.dumps(frame))
            except ConnectionClosed:
                return
            self._ledger.reported(frame)

    async def call(self, tool: str, args: Frame) -> str:
        """Call a tool of the hive. Raises CallRefused, HiveAway."""
        ident = uuid4().hex
        frame = {"type": "call", "id": ident, "tool": tool, "args": args}
        if len(json.dumps(frame)) > FRAME_LIMIT:
            raise CallRefused(f"{tool}: the call is longer than {FRAME_LIMIT} bytes")
        if self._socket is None:
            raise HiveAway("not connected")
        answer = self._calls[ident] = asyncio.get_running_loop().create_future()
        try:
            await self.send([frame])
            return await asyncio.wait_for(answer, CALL_SECONDS)
        except TimeoutError as error:
            raise HiveAway(f"{tool}: no answer in {CALL_SECONDS} s") from error
        finally:
            del self._calls[ident]

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _attempt(self) -> bool:
        """One connection from start to end. True when the hive had welcomed it."""
        try:
            return await self._session()
        except InvalidStatus as error:
            refused = error.response.status_code == 403
            self._complain(
                "the hive refused the token" if refused else f"the hive answered {error.response.status_code}"
            )
        except (
            OSError,
            EOFError,
            TimeoutError,
            InvalidHandshake,
            ConnectionClosed,
            BadConfiguration,
            ValueError,
        ) as error:
            self._complain(f"no connection to the hive: {error or type(error).__name__}")
        return False

    async def _session(self) -> bool:
        headers = {"Authorization": f"Bearer {self._config.token()}"}
        connect = unix_connect(
            str(self._config.socket),
            uri="ws://localhost/ws/agent",
            additional_headers=headers,
            compression=None,
            max_size=2 * FRAME_LIMIT,
            user_agent_header=None,
        )
        async with connect as socket:
            await socket.send(json.dumps(hello(self._config.driver, HARNESS)))
            welcome = await self._welcome(socket)
            await self._listen(socket, welcome)
        if socket.close_code == CLOSE_REPLACED:
            raise LinkEnded(0, "another harness of this agent has connected")
        self._complain(f"the hive closed the connection ({socket.close_code})")
        return True

    async def _welcome(self, socket: ClientConnection) -> Frame:
        frame = _frame(await asyncio.wait_for(socket.recv(), WELCOME_SECONDS))
        if frame.get("type") == "welcome":
            return frame
        if frame.get("code") == "unknown_version":
            raise LinkEnded(1, str(frame.get("message", "the hive does not speak this protocol version")))
        raise ValueError(f"no welcome: {frame.get('message', frame.get('type'))}")

    async def _listen(self, socket: ClientConnection, welcome: Frame) -> None:
        self._socket, self._told = socket, ""
        self._emit("connected")
        self.opened.set()
        try:
            await self.send([self._standing.frame()])
            await self._take(welcome)
            async for text in socket:
                await self._take(_frame(text))
        except ConnectionClosed:
            pass
        finally:
            self._socket = None
            self.opened.clear()
            self._ledger.disconnected()
            self._drop_calls()

    async def _take(self, frame: Frame) -> None:
        kind = frame.get("type")
        if kind == "message":
            await self.send(self._ledger.offer(Message.parse(frame)))
        elif kind == "result":
            self._answer(frame)
        elif kind == "ping":
            await self.send([pong(frame)])
        elif kind == "error":
            self._emit("refused", code=frame.get("code"), text=frame.get("message"))
        elif isinstance(kind, str) and kind in self._handlers:
            self._handlers[kind](frame)

    def _answer(self, frame: Frame) -> None:
        waiting = self._calls.get(str(frame.get("id")))
        if waiting is None or waiting.done():
            return
        if frame.get("ok") is True:
            waiting.set_result(str(frame.get("output", "")))
        else:
            waiting.set_exception(CallRefused(str(frame.get("error", "refused"))))

    def _drop_calls(self) -> None:
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(HiveAway("the connection closed before the answer came"))

    def _complain(self, text: str) -> None:
        """Once per cause, not once per try."""
        if text != self._told:
            self._told = text
            self._emit("disconnected", text=text)


def _frame(text: str | bytes) -> Frame:
    frame = json.loads(text)
    if not isinstance(frame, dict):
        raise ValueError(f"a frame that is no JSON object: {text[:60]!r}")
    return frame
