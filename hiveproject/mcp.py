"""MCP over streamable HTTP at `/mcp` on the agents' sockets: the same tools as the websocket's `call`.

Stateless, so a restart of the hive costs a client nothing. Answers are event streams whose keep-alive comments let a
`recv` wait longer than a client waits for plain JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from broker import hub, tools
from broker.consumers import authenticated
from broker.message_tools import give_back
from broker.refusals import ToolError
from broker.threads import in_thread
from hiveproject.answers import answer

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

logger = logging.getLogger(__name__)
MAX_BODY = 1024 * 1024
HOSTS = ["localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "hive"]
_IDENTITY = "hive_identity"


class Endpoint:
    """The ASGI application. One task of its own enters and leaves the session manager: daphne has no lifespan."""

    def __init__(self) -> None:
        self._owner: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._manager: asyncio.Future[StreamableHTTPSessionManager] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own())

    async def stop(self) -> None:
        if self._owner is not None:
            self._owner.cancel()
            await asyncio.gather(self._owner, return_exceptions=True)
            self._owner = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await answer(send, 405, {"error": "use POST: this endpoint keeps no session and no stream of its own"})
            return
        agent = await in_thread(authenticated, scope)
        if agent is None:
            logger.warning("MCP call of %s refused: no token, or not its own", scope["hive_agent"])
            await answer(send, 401, {"error": "the bearer token is missing or not this agent's"})
            return
        identity = tools.Identity(agent.name)
        exchange = _Exchange(receive, send)
        try:
            await exchange.run((await self._manager).handle_request, {**scope, _IDENTITY: identity})
        finally:
            if not exchange.answered and identity.handed:
                give_back(hub.current(), identity.agent, identity.handed)

    async def _own(self) -> None:
        manager = await in_thread(_manager)
        async with manager.run():
            self._manager.set_result(manager)
            await asyncio.Event().wait()


class _Exchange:
    """One request: the application is ended as soon as the client has gone, and it is known whether it was answered."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = False
        self.answered = False

    async def run(self, application: Any, scope: dict[str, Any]) -> None:
        serving = asyncio.create_task(application(scope, self._requests.get, self._answer))
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if self._gone and not self.answered:
                serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
        finally:
            serving.cancel()
            watching.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)

    async def _watch(self) -> None:
        while not self._gone:
            message = await self._receive()
            self._gone = message["type"] == "http.disconnect"
            self._requests.put_nowait(message)

    async def _answer(self, message: Any) -> None:
        await self._send(message)
        if message["type"] == "http.response.start" and (b"content-type", b"text/event-stream") in _kinds(message):
            # The server writes the head with the first piece of the body only, and that may be long in coming.
            await self._send({"type": "http.response.body", "body": b": open\r\n\r\n", "more_body": True})
        if message["type"] == "http.response.body" and not message.get("more_body", False) and not self._gone:
            self.answered = True


def _kinds(message: Any) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value.partition(b";")[0]) for name, value in message["headers"]]


def _manager() -> StreamableHTTPSessionManager:
    """Imported here, in a thread: the library takes two seconds of processor time, and pages need not wait for it."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    return StreamableHTTPSessionManager(
        _server(),
        stateless=True,
        json_response=False,
        security_settings=TransportSecuritySettings(allowed_hosts=HOSTS),
        max_request_body_size=MAX_BODY,
    )


def _server() -> Server[Any]:
    import mcp_types as types
    from django.conf import settings
    from mcp.server.lowlevel import Server

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        shown = tools.visible(ctx.request.scope[_IDENTITY])
        return types.ListToolsResult(
            tools=[
                types.Tool(name=tool.name, description=tool.description, input_schema=tool.input_schema)
                for tool in shown
            ]
        )

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            text = await tools.call(ctx.request.scope[_IDENTITY], params.name, params.arguments or {})
        except ToolError as error:
            return types.CallToolResult(content=[types.TextContent(type="text", text=str(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return Server("hyperhive", version=settings.HIVE_VERSION, on_list_tools=list_tools, on_call_tool=call_tool)


endpoint = Endpoint()
