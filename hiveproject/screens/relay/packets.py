"""What web process and relay tell each other: a JSON object a packet, descriptors beside it."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any

MAX_PACKET = 192 * 1024
MAX_EARLY = 96 * 1024
"""Bytes that may wait on either side when a connection is handed over."""


def send(channel: socket.socket, packet: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Raises `OSError`; `BlockingIOError` when the other side does not read."""
    data = json.dumps(packet, default=_text).encode()
    if descriptors:
        socket.send_fds(channel, [data], descriptors)
    else:
        channel.send(data)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next packet; None when the other side has ended. Raises `BlockingIOError` while there is none."""
    data, descriptors, _, _ = socket.recv_fds(channel, MAX_PACKET, 2)
    if not data:
        return None
    packet: dict[str, Any] = json.loads(data)
    return packet, descriptors


def raw(packet: dict[str, Any], key: str) -> bytes:
    return base64.b64decode(packet[key])


def _text(value: Any) -> str:
    return base64.b64encode(value).decode()
