"""Which websocket goes where."""

from __future__ import annotations

from typing import Any

from broker.consumers import AgentConsumer
from hiveproject import live

AGENTS: dict[str, Any] = {"/ws/agent": AgentConsumer.as_asgi()}
OPERATORS: dict[str, Any] = {live.PATH: live.websocket}
