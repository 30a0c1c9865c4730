"""Which websocket goes where, by its path; what the path names is put into the scope as `hive_name`."""

from __future__ import annotations

import re
from typing import Any

from broker.consumers import AgentConsumer
from hiveproject import live
from hiveproject.answers import refuse_websocket
from hiveproject.screens import consumer as screens
from hiveproject.terminal import consumers as terminal

_NAME = r"(?P<name>[a-z][a-z0-9-]{0,8})"
AGENTS: dict[str, Any] = {
    r"/ws/agent": AgentConsumer.as_asgi(),
    r"/ws/terminal/(?P<name>[0-9a-f]{32})": terminal.shell,
}
OPERATORS: dict[str, Any] = {
    re.escape(live.PATH): live.websocket,
    rf"/agents/{_NAME}/screen/ws": screens.websocket,
    rf"/agents/{_NAME}/terminal/ws": terminal.browser,
}


def find(side: dict[str, Any], scope: dict[str, Any]) -> Any:
    """The application for this websocket; one that refuses where there is none."""
    for pattern, application in side.items():
        found = re.fullmatch(pattern, scope["path"])
        if found:
            scope["hive_name"] = found.groupdict().get("name", "")
            return application
    return refuse_websocket
