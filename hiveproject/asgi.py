"""The hive as an ASGI application: two sides that never meet.

What came in over an agent's Unix socket (`scope["hive_agent"]`, set by the server, never by a client) reaches the
agents' endpoints only; everything else reaches the operator's side only.
"""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hiveproject.settings")
pages = get_asgi_application()

from hiveproject import routing  # noqa: E402 - needs the apps loaded
from hiveproject.answers import answer  # noqa: E402
from hiveproject.mcp import endpoint  # noqa: E402


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope.get("hive_agent") is not None:
        await _agent_side(scope, receive, send)
    elif scope["type"] == "http":
        await pages(scope, receive, send)
    elif scope["type"] == "websocket":
        await routing.find(routing.OPERATORS, scope)(scope, receive, send)


async def _agent_side(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await routing.find(routing.AGENTS, scope)(scope, receive, send)
    elif scope["path"] == "/mcp":
        await endpoint(scope, receive, send)
    else:
        await answer(send, 404, {"error": "there is nothing here for agents but /mcp and /ws/agent"})
