"""How a request reaches the root helper.

Over the shared SOCK_SEQPACKET pair goes one byte with one or two descriptors: a stream socket of the caller's own,
and where the verb needs it a descriptor for bulk output. On that stream the caller writes one JSON object and ends
its side; the helper answers with one. So calls never wait for each other, and a broken caller hurts only itself.
"""

from __future__ import annotations

import array
import json
import socket
from typing import Any

KNOCK = b"\x01"
MAX_REQUEST = 4 * 1024 * 1024
MAX_ANSWER = 64 * 1024 * 1024
_CHUNK = 65536


class WireError(Exception):
    """The other side is gone, or what it sent is not what was agreed."""


def knock(helper: socket.socket, stream: socket.socket, out_fd: int | None) -> None:
    descriptors = [stream.fileno()] if out_fd is None else [stream.fileno(), out_fd]
    try:
        socket.send_fds(helper, [KNOCK], descriptors)
    except OSError as error:
        raise WireError("the root helper is gone: start the hive again") from error


def answer_knock(helper: socket.socket) -> tuple[socket.socket, int | None] | None:
    """The next caller's stream and output descriptor; None when nobody is left to knock. Raises `WireError`."""
    data, ancillary, _, _ = helper.recvmsg(1, socket.CMSG_SPACE(8 * 4), socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
    if not data and not descriptors:
        return None
    if not 1 <= len(descriptors) <= 2:
        for fd in descriptors:
            socket.close(fd)
        raise WireError("a request without its own socket")
    return socket.socket(fileno=descriptors[0]), descriptors[1] if len(descriptors) == 2 else None


def send(stream: socket.socket, message: dict[str, Any]) -> None:
    """Write the one message of this side and end it."""
    try:
        stream.sendall(json.dumps(message).encode())
        stream.shutdown(socket.SHUT_WR)
    except OSError as error:
        raise WireError(f"the other side is gone ({error})") from error


def receive(stream: socket.socket, limit: int) -> dict[str, Any]:
    """Read the other side's one message."""
    data = bytearray()
    try:
        while chunk := stream.recv(_CHUNK):
            data += chunk
            if len(data) > limit:
                raise WireError(f"a message of more than {limit} bytes")
        message = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise WireError(f"no answer that can be read ({error})") from error
    if not isinstance(message, dict):
        raise WireError("a message must be a JSON object")
    return message
