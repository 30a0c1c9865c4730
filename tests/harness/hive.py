"""A small hive for the harness to talk to: websocket and MCP on one Unix socket, as the real one offers them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

Frame = dict[str, Any]


class Hive:
    """Records what arrives; leases messages to the open session as the real hive does."""

    def __init__(self) -> None:
        self.token = "token-of-the-first-start"
        self.frames: list[Frame] = []
        self.sent: list[Frame] = []
        self.refuse_send: str | None = None
        self.mcp_down = False
        self.deaf_to_ends = False
        self.mcp_heads: list[dict[str, str]] = []
        self.handshakes: list[int] = []
        self.sessions = 0
        self.paused: bool | None = None
        self.takes_events = False
        self.events: list[Frame] = []
        self.epoch = ""
        self.version_error: str | None = None
        self._queue: list[Frame] = []
        self._socket: WebSocket | None = None
        self._changed = asyncio.Event()
        self.last_id = 0
        self.orders = 0

    def forget(self) -> None:
        """A new test on a session that stays."""
        self.frames.clear()
        self.sent.clear()
        self.refuse_send = None

    async def until(self, wanted: Callable[[], object], seconds: float = 45) -> Any:
        """Wait until `wanted()` is true after something arrived."""
        async with asyncio.timeout(seconds):
            while not (value := wanted()):
                self._changed.clear()
                await self._changed.wait()
        return value

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]

    async def ended(self, count: int = 1) -> Frame:
        """The frame of the `count`th turn that ended."""
        await self.until(lambda: len(self.of("turn_ended")) >= count)
        return self.of("turn_ended")[count - 1]

    async def answer(self, count: int = 1) -> Frame:
        await self.until(lambda: len(self.sent) >= count)
        return self.sent[count - 1]

    async def push(self, body: str, **fields: Any) -> int:
        """Queue a message; it goes out at once to an open session."""
        self.last_id += 1
        defaults = {"sender": "operator", "provenance": "operator", "in_reply_to": None, "redelivered": False}
        frame = {"type": "message", "id": self.last_id, "body": body, "created_at": "2026-01-01T00:00:00Z"}
        self._queue.append({**frame, **defaults, **fields})
        await self._deliver()
        return self.last_id

    def waiting(self) -> list[tuple[int, bool]]:
        """Unleased messages: id, redelivered."""
        return [(one["id"], one["redelivered"]) for one in self._queue if not one.get("leased")]

    async def say(self, frame: Frame) -> None:
        await self.say_text(json.dumps(frame))

    async def say_text(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send_text(text)

    async def drop(self, code: int = 1001) -> None:
        """Close the session from the hive's side; its messages go back."""
        socket, self._socket = self._socket, None
        assert socket is not None
        self._take_back()
        await socket.close(code)

    async def connected(self, sessions: int = 1) -> None:
        await self.until(lambda: self.sessions >= sessions and self._socket is not None)

    async def serve_socket(self, socket: WebSocket) -> None:
        if socket.headers.get("authorization") != f"Bearer {self.token}":
            self._note_handshake(403)
            await socket.close()
            return
        await socket.accept()
        self._note_handshake(101)
        hello = json.loads(await socket.receive_text())
        self._record(hello)
        if self.version_error:
            await socket.send_text(
                json.dumps({"type": "error", "code": "unknown_version", "message": self.version_error})
            )
            await socket.close(4400)
            return
        await socket.send_text(json.dumps(self._welcome()))
        await self._session(socket)

    def _welcome(self) -> Frame:
        frame: Frame = {"type": "welcome", "version": 1, "agent": "alice", "session": "s"}
        if self.paused is not None:
            frame["paused"] = self.paused
        return {**frame, "events": self._position()} if self.takes_events else frame

    def _position(self) -> Frame:
        return {"epoch": self.epoch, "seq": self.events[-1]["seq"] if self.events else 0}

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]

    async def order(self, verb: str, **args: Any) -> int:
        """A control frame; its id."""
        self.orders += 1
        await self.say({"type": "control", "id": self.orders, "verb": verb, "args": args})
        return self.orders

    async def ordered(self, verb: str, **args: Any) -> Frame:
        """A control frame and its answer."""
        ident = await self.order(verb, **args)
        answer: Frame = await self.until(lambda: next((f for f in self.of("control_result") if f["id"] == ident), None))
        return answer

    async def _session(self, socket: WebSocket) -> None:
        self._socket = socket
        self.sessions += 1
        await self._deliver()
        try:
            while True:
                await self._take(json.loads(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            if self._socket is socket:
                self._socket = None
                self._take_back()
            self._changed.set()

    async def _take(self, frame: Frame) -> None:
        if frame["type"] == "turn_ended" and not self.deaf_to_ends:
            self._settle(frame["outcome"])
        self._record(frame)
        if frame["type"] == "call":
            await self._answer_call(frame)
        if frame["type"] == "events":
            await self._take_events(frame)
        await self._deliver()

    async def _take_events(self, frame: Frame) -> None:
        self.epoch = frame["epoch"]
        self.events += frame["events"]
        assert self._socket is not None
        await self._socket.send_text(json.dumps({"type": "events_taken", **self._position()}))

    async def _answer_call(self, frame: Frame) -> None:
        result: Frame = {"type": "result", "id": frame["id"], "ok": self.refuse_send is None}
        if self.refuse_send is None:
            self.sent.append(frame["args"])
        result |= {"output": "message 99"} if self.refuse_send is None else {"error": self.refuse_send}
        assert self._socket is not None
        await self._socket.send_text(json.dumps(result))
        self._changed.set()

    def _settle(self, outcome: str) -> None:
        if outcome == "requeue":
            self._take_back()
        else:
            self._queue = [message for message in self._queue if not message.get("leased")]

    def _take_back(self) -> None:
        for message in self._queue:
            if message.pop("leased", False):
                message["redelivered"] = True

    async def _deliver(self) -> None:
        if self._socket is None or any(message.get("leased") for message in self._queue) or not self._queue:
            return
        frame = dict(self._queue[0])
        self._queue[0]["leased"] = True
        await self._socket.send_text(json.dumps(frame))

    def _note_handshake(self, status: int) -> None:
        self.handshakes.append(status)
        self._changed.set()

    def _record(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._changed.set()


def tools_of(hive: Hive) -> MCPServer:
    server = MCPServer("hive")

    @server.tool()
    def send(to: str, body: str, in_reply_to: int | None = None) -> str:
        hive.sent.append({"to": to, "body": body, "in_reply_to": in_reply_to, "by": "tool"})
        return f"sent to {to}"

    @server.tool()
    def fail(text: str) -> str:
        raise ToolError(text)

    return server


@contextlib.asynccontextmanager
async def serve(hive: Hive, socket: Path, *, json_response: bool = False) -> AsyncIterator[None]:
    """The hive on its Unix socket, in this process."""
    security = TransportSecuritySettings(allowed_hosts=["localhost"])
    mcp = tools_of(hive).streamable_http_app(
        stateless_http=True, json_response=json_response, transport_security=security
    )

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hive.mcp_heads.append({key.decode(): value.decode() for key, value in scope["headers"]})
        if scope["type"] == "http" and hive.mcp_down:
            await PlainTextResponse("down", 503)(scope, receive, send)
            return
        await app(scope, receive, send)

    app = Starlette(
        routes=[WebSocketRoute("/ws/agent", hive.serve_socket), *mcp.routes], lifespan=mcp.router.lifespan_context
    )
    server = uvicorn.Server(
        uvicorn.Config(endpoint, ws="websockets-sansio", log_level="warning", timeout_graceful_shutdown=1)
    )
    listener = listen(socket)
    task = asyncio.ensure_future(server._serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()


def listen(path: Path) -> Socket:
    """Connections wait in it until the server takes them: nobody has to wait for the server."""
    path.unlink(missing_ok=True)
    listener = Socket(AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener
