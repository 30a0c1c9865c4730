"""Which websocket goes where."""

from __future__ import annotations

import re
from typing import Any

from broker.consumers import AgentConsumer
from hiveproject import live
from hiveproject.screens import consumer as screens

AGENTS: dict[str, Any] = {"/ws/agent": AgentConsumer.as_asgi()}
OPERATORS: dict[str, Any] = {live.PATH: live.websocket}
_SCREEN = re.compile(r"/agents/([a-z][a-z0-9-]{0,8})/screen/ws")


async def operators(scope: Any, receive: Any, send: Any, otherwise: Any) -> None:
    """One websocket of a browser; `otherwise` takes what goes nowhere."""
    screen = _SCREEN.fullmatch(scope["path"])
    if screen is not None:
        scope["hive_screen"] = screen[1]
        await screens.websocket(scope, receive, send)
    else:
        await OPERATORS.get(scope["path"], otherwise)(scope, receive, send)
