"""Which websocket goes where."""

from __future__ import annotations

from broker.consumers import AgentConsumer

AGENT_PATH = "/ws/agent"
agent_websocket = AgentConsumer.as_asgi()
