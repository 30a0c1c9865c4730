"""MCP over streamable HTTP, as much of it as a server with two tools needs (specification 2025-06-18).

An answer that takes time is a stream of server-sent events with a comment now and then, so that no client gives it
up. A client that hangs up, or cancels, ends its command.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from agents.harness import http1
from agents.harness.bash.tools import ToolRefused, Tools
from agents.harness.http1 import BadRequest, Head

PROTOCOLS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
REQUEST_LIMIT = 1024 * 1024
ALIVE_SECONDS = 15.0
Json = dict[str, Any]


class Server:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._calls: dict[str, asyncio.Task[Any]] = {}

    async def serve(self, method: str, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a connection. Raises BadRequest."""
        if method != "POST":
            raise BadRequest(405, f"{method} is not taken here")
        request = await _request(head, reader)
        ident = request.get("id")
        if ident is None:
            self._notified(request)
            writer.write(http1.render("HTTP/1.1 202 Accepted", [("Content-Length", "0"), ("Connection", "close")]))
        elif request.get("method") == "tools/call":
            await self._call(request, reader, writer)
        else:
            _answer(writer, _reply(ident, self._asked(request)))

    def _notified(self, request: Json) -> None:
        if request.get("method") == "notifications/cancelled":
            call = self._calls.get(_key((request.get("params") or {}).get("requestId")))
            if call is not None:
                call.cancel()

    def _asked(self, request: Json) -> Json:
        """`result` or `error` of what is answered at once."""
        method, params = request.get("method"), request.get("params") or {}
        if method == "initialize":
            wanted = params.get("protocolVersion")
            version = wanted if wanted in PROTOCOLS else PROTOCOLS[2]
            info = {"name": "bash", "version": "1"}
            return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}}
        if method == "tools/list":
            return {"result": {"tools": self._tools.listed()}}
        if method == "ping":
            return {"result": {}}
        return {"error": {"code": -32601, "message": f"there is no method {str(method)[:60]!r}"}}

    async def _call(self, request: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        params = request.get("params") or {}
        arguments = params.get("arguments") or {}
        if not isinstance(params.get("name"), str) or not isinstance(arguments, dict):
            error = {"error": {"code": -32602, "message": "a call has a name and arguments"}}
            _answer(writer, _reply(request["id"], error))
            return
        fields = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("Connection", "close")]
        writer.write(http1.render("HTTP/1.1 200 OK", fields))
        call = asyncio.ensure_future(self._result(params["name"], arguments))
        key = _key(request["id"])
        self._calls[key] = call
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await _until_done(call, gone, writer)
            if call.done() and not call.cancelled():
                data = json.dumps(_reply(request["id"], {"result": call.result()}))
                writer.write(f"event: message\ndata: {data}\n\n".encode())
        finally:
            gone.cancel()
            call.cancel()
            self._calls.pop(key, None)
            with suppress(asyncio.CancelledError):
                await call

    async def _result(self, name: str, arguments: Json) -> Json:
        try:
            text, failed = await self._tools.call(name, arguments), False
        except ToolRefused as error:
            text, failed = str(error), True
        return {"content": [{"type": "text", "text": text}], "isError": failed}


async def _until_done(call: asyncio.Future[Any], gone: asyncio.Future[Any], writer: asyncio.StreamWriter) -> None:
    """Returns when the call is over or nobody waits for it any more."""
    while not call.done() and not gone.done():
        await asyncio.wait({call, gone}, timeout=ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        writer.write(b": \n\n")
        await writer.drain()


async def _request(head: Head, reader: asyncio.StreamReader) -> Json:
    text = bytearray()
    async for piece in http1.body(head, reader):
        text += piece
        if len(text) > REQUEST_LIMIT:
            raise BadRequest(413, f"a request has at most {REQUEST_LIMIT} bytes")
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "the request is not JSON") from error
    if not isinstance(request, dict) or not isinstance(request.get("params") or {}, dict):
        raise BadRequest(400, "a request is one JSON object")
    return request


def _key(ident: object) -> str:
    return json.dumps(ident)


def _reply(ident: object, outcome: Json) -> Json:
    return {"jsonrpc": "2.0", "id": ident, **outcome}


def _answer(writer: asyncio.StreamWriter, data: Json) -> None:
    text = json.dumps(data).encode()
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(text))), ("Connection", "close")]
    writer.write(http1.render("HTTP/1.1 200 OK", fields) + text)
