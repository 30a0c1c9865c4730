"""Plain ASGI answers, for what does not pass through Django."""

from __future__ import annotations

import json
from typing import Any


async def answer(send: Any, status: int, data: dict[str, object]) -> None:
    """A JSON answer."""
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(data).encode()})


async def refuse_websocket(_scope: Any, _receive: Any, send: Any) -> None:
    """Refuse a websocket before its handshake ends (HTTP 403)."""
    await send({"type": "websocket.close", "code": 4404})
