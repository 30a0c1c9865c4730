"""A stand-in for the Messages API on loopback, for tests with the real CLI and without an account.

What it says is scripted in the prompt: the last user message that holds a fenced block tagged `stub` decides, with a
JSON list of turns, one for each request that follows it:

    {"text": "…"}                          say this and end
    {"tool": NAME, "input": {…}}           call this tool (add "text" to say something first)
    {"status": 401, "retry_after": 3}      refuse the request; every request from here on, or as many as "times" says
    {"stall": true}                        begin an answer and never go on
    {"text": "…", "usage": {…}}            count these tokens

A prompt without a block, and a request past the list's end, is answered with "done". `GET /requests` lists what
arrived: `[{"path", "model", "messages", "tools", "system"}]`.

`empty_summaries` is how many requests of the CLI to sum a session up are answered with nothing.

`python -m tests.stubs.messages_api --port N` runs it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

BLOCK = re.compile(r"^```stub[ \t]*\n(.*?)^```", re.M | re.S)
ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
Json = dict[str, Any]


class MessagesApi:
    """One stub; `requests` holds what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Json] = []
        self.refused: dict[str, int] = {}
        self.empty_summaries = 0
        self.port = 0
        self.asked = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self, port: int = 0, listener: socket.socket | None = None) -> AsyncIterator[MessagesApi]:
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                while await self._one(reader, writer):
                    pass
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                tasks.discard(task)
                writer.close()

        listener = listener or socket.create_server(("127.0.0.1", port))
        server = await asyncio.start_server(serve, sock=listener)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request of a connection. False when there is no other."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1].partition("?")[0]
        length = re.search(r"^content-length: *(\d+)", head, re.I | re.M)
        body = json.loads(await reader.readexactly(int(length[1])) if length else b"{}")
        if path == "/requests":
            _json(writer, 200, self.requests)
        elif path.endswith("/count_tokens"):
            _json(writer, 200, {"input_tokens": 10})
        elif path == "/v1/messages":
            self.requests.append(
                {"path": path, **{key: body.get(key) for key in ("model", "messages", "tools", "system")}}
            )
            self.asked.set()
            await _play(writer, body, self._scripted(body.get("messages", [])))
        else:
            _json(writer, 404, {"type": "error", "error": {"type": "not_found_error", "message": path}})
        await writer.drain()
        return True

    def _scripted(self, messages: list[Json]) -> Json:
        if self.empty_summaries and messages and "Respond with plain text only" in _text(messages[-1]):
            self.empty_summaries -= 1
            return {"text": ""}
        return _scripted(messages, self.refused)


async def _play(writer: asyncio.StreamWriter, body: Json, turn: Json) -> None:
    if "status" in turn:
        return _refuse(writer, turn)
    if not body.get("stream"):
        return _json(writer, 200, _message(body, turn) | {"content": list(_contents(turn))})
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for event in _events(body, turn):
        data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()
        if turn.get("stall"):
            await asyncio.Event().wait()
    writer.write(b"0\r\n\r\n")
    return None


def _scripted(messages: list[Json], refused: dict[str, int]) -> Json:
    """The turn that the newest block wants for this request; `refused` counts refusals that end some time."""
    for index in range(len(messages) - 1, -1, -1):
        blocks = BLOCK.findall(_text(messages[index])) if messages[index]["role"] == "user" else []
        if blocks:
            turns: list[Json] = json.loads(blocks[-1])
            turns = [turn for turn in turns if refused.get(json.dumps(turn), 0) < turn.get("times", 1)]
            asked = sum(message["role"] == "assistant" for message in messages[index:])
            refusing = next((turn for turn in turns[: asked + 1] if "status" in turn), None)
            if refusing is not None and "times" in refusing:
                refused[json.dumps(refusing)] = refused.get(json.dumps(refusing), 0) + 1
            return refusing or (turns[asked] if asked < len(turns) else {"text": "done"})
    return {"text": "done"}


def _text(message: Json) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")


def _contents(turn: Json) -> Iterator[Json]:
    if "text" in turn or "tool" not in turn:
        yield {"type": "text", "text": turn.get("text", "")}
    if "tool" in turn:
        yield {"type": "tool_use", "id": f"toolu_{uuid4().hex}", "name": turn["tool"], "input": turn.get("input", {})}


def _message(body: Json, turn: Json) -> Json:
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "stub"),
        "content": [],
        "stop_reason": "tool_use" if "tool" in turn else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **turn.get("usage", {})},
    }


def _events(body: Json, turn: Json) -> Iterator[Json]:
    message = _message(body, turn)
    yield {"type": "message_start", "message": message | {"stop_reason": None}}
    for index, content in enumerate(_contents(turn)):
        empty: Json = {"text": ""} if content["type"] == "text" else {"input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": content | empty}
        yield {"type": "content_block_delta", "index": index, "delta": _delta(content)}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"]}, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


def _delta(content: Json) -> Json:
    if content["type"] == "text":
        return {"type": "text_delta", "text": content["text"]}
    return {"type": "input_json_delta", "partial_json": json.dumps(content["input"])}


def _refuse(writer: asyncio.StreamWriter, turn: Json) -> None:
    status = turn["status"]
    error = {"type": ERRORS.get(status, "api_error"), "message": turn.get("message", f"refused with {status}")}
    headers = {"retry-after": str(turn["retry_after"])} if "retry_after" in turn else {}
    _json(writer, status, {"type": "error", "error": error}, headers | turn.get("headers", {}))


def _json(writer: asyncio.StreamWriter, status: int, data: Any, headers: Json | None = None) -> None:
    text = json.dumps(data).encode()
    fields = {"content-type": "application/json", "content-length": len(text), **(headers or {})}
    lines = [f"HTTP/1.1 {status} stub", *(f"{key}: {value}" for key, value in fields.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + text)


async def _serve(port: int) -> None:
    async with MessagesApi().serving(port) as stub:
        print(f"Messages API stub on {stub.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(arguments.parse_args().port))
