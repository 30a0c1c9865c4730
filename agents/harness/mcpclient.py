"""A tool call over MCP (streamable HTTP), for the scripted driver.

The `mcp` library does this too, at 1.8 s of CPU and 40 MB for its import; an agent that sleeps most of its life, with
half a core when it wakes, does without. The tests run this client against that library's server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agents.harness import http1
from agents.harness.http1 import BadRequest, Head

PROTOCOL = "2025-06-18"
ANSWER_LIMIT = 4 * 1024 * 1024
SECONDS = 240
CHECK_SECONDS = 30
Json = dict[str, Any]


class ToolCallFailed(Exception):
    """The endpoint could not be asked, or did not answer as MCP does; the text is for the one who wanted the call."""


@dataclass(frozen=True)
class ToolResult:
    ok: bool
    text: str


class McpClient:
    """One MCP session, opened by the first call."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._extra: list[tuple[str, str]] = []
        self._ids = 0
        self._open = False

    async def call(self, tool: str, args: Json) -> ToolResult:
        """Raises ToolCallFailed."""
        try:
            async with asyncio.timeout(SECONDS):
                if not self._open:
                    await self._initialize()
                return _tool_result(await self._request("tools/call", {"name": tool, "arguments": args}))
        except TimeoutError as error:
            raise ToolCallFailed(f"no answer in {SECONDS} s; whether it was done is not known") from error
        except (OSError, EOFError, BadRequest, ValueError) as error:
            raise ToolCallFailed(f"the hive could not be asked: {error}") from error

    async def check(self) -> None:
        """Whether the endpoint answers as MCP does. Raises ToolCallFailed."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._initialize()
        except TimeoutError as error:
            raise ToolCallFailed(f"no answer in {CHECK_SECONDS} s") from error
        except (OSError, EOFError, BadRequest, ValueError) as error:
            raise ToolCallFailed(f"the hive could not be asked: {error}") from error

    async def _initialize(self) -> None:
        client = {"name": "hive-agent", "version": "1"}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        result = await self._request("initialize", params)
        self._extra.append(("MCP-Protocol-Version", str(result.get("protocolVersion", PROTOCOL))))
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, None)
        self._open = True

    async def _request(self, method: str, params: Json) -> Json:
        self._ids += 1
        request = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        answer = await self._post(request, self._ids)
        if "error" in answer:
            raise ToolCallFailed(str(answer["error"].get("message", answer["error"])))
        return dict(answer.get("result", {}))

    async def _post(self, request: Json, wanted: int | None) -> Json:
        """The JSON-RPC answer with the id `wanted`, or an empty one where none is wanted."""
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=http1.HEAD_LIMIT)
        try:
            writer.write(self._rendered(json.dumps(request).encode()))
            await writer.drain()
            head = await http1.read_head(reader)
            if head is None:
                raise BadRequest(502, "it closed the connection")
            return await self._read_answer(head, reader, wanted)
        finally:
            writer.close()

    def _rendered(self, text: bytes) -> bytes:
        fields = [
            ("Host", f"{self._host}:{self._port}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Content-Length", str(len(text))),
        ]
        return http1.render(f"POST {self._path} HTTP/1.1", fields + self._extra) + text

    async def _read_answer(self, head: Head, reader: asyncio.StreamReader, wanted: int | None) -> Json:
        status = head.start.split(" ", 2)[1]
        if session := head.get("mcp-session-id"):
            self._extra = [("Mcp-Session-Id", session)]
        pieces = _pieces(head, reader)
        if status[0] != "2":
            raise ToolCallFailed(_refusal(status, await _text(pieces)))
        if wanted is None:
            return {}
        if head.get("content-type").startswith("text/event-stream"):
            return await _from_events(pieces, wanted)
        return dict(json.loads(await _text(pieces)))


async def _pieces(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    framed = head.get("transfer-encoding") or head.get("content-length")
    source = http1.body(head, reader) if framed else _until_closed(reader)
    total = 0
    async for piece in source:
        total += len(piece)
        if total > ANSWER_LIMIT:
            raise BadRequest(502, f"its answer is longer than {ANSWER_LIMIT} bytes")
        yield piece


async def _until_closed(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(http1.PIECE):
        yield piece


async def _text(pieces: AsyncIterator[bytes]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


async def _from_events(pieces: AsyncIterator[bytes], wanted: int) -> Json:
    """Server-sent events: the first one whose data is the answer wanted; notifications and comments pass by."""
    buffered = b""
    async for piece in pieces:
        buffered = (buffered + piece).replace(b"\r\n", b"\n")
        *events, buffered = buffered.split(b"\n\n")
        for event in events:
            data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
            message = json.loads(data) if data else {}
            if message.get("id") == wanted:
                return dict(message)
    raise BadRequest(502, "it closed the stream without an answer")


def _refusal(status: str, text: str) -> str:
    """What an error page says: our own forwarder's `error`, JSON-RPC's, or its first characters."""
    try:
        error = json.loads(text).get("error")
    except (ValueError, AttributeError):
        error = text[:300]
    return f"{error.get('message', error) if isinstance(error, dict) else error} (HTTP {status})"


def _tool_result(result: Json) -> ToolResult:
    texts = [str(part.get("text", "")) for part in result.get("content", []) if part.get("type") == "text"]
    return ToolResult(ok=result.get("isError") is not True, text="\n".join(texts))
