"""The few words of rtnetlink(7) that are needed: which addresses are this host's, and routes that lead nowhere.

Few imports: the shim uses it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

Prefix = tuple[bytes, int]
"""(IPv4 address, number of leading bits)"""

_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_NEWROUTE, _GETROUTE, _ERROR, _DONE = 24, 26, 2, 3
_REQUEST, _ACK, _REPLACE, _DUMP, _CREATE = 0x1, 0x4, 0x100, 0x300, 0x400
_DST = 1
_TABLE_MAIN, _TABLE_LOCAL, _STATIC, _TYPE_LOCAL, _TYPE_PROHIBIT = 254, 255, 4, 2, 8
_GROUP_IPV4_ROUTE = 0x40
_BUFFER = 1 << 16


def watch() -> socket.socket:
    """A socket that becomes readable when this host's IPv4 routes change, its own addresses included."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    found.bind((0, _GROUP_IPV4_ROUTE))
    return found


def forget(watcher: socket.socket) -> None:
    """Take what has come; only that something came is of interest."""
    try:
        while watcher.recv(_BUFFER):
            continue
    except BlockingIOError:
        return
    except OSError as error:
        if error.errno != errno.ENOBUFS:  # more came than fits: just as good
            raise


def own_addresses() -> set[Prefix]:
    """Everything that this network namespace takes as its own, but for 127.0.0.0/8."""
    with _socket() as link:
        body = _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
        link.send(_message(_GETROUTE, _REQUEST | _DUMP, body))
        return {prefix for prefix in _local_routes(link) if prefix[0][0] != 127}


def prohibit(prefixes: set[Prefix]) -> None:
    """In this network namespace: whatever goes to these addresses is refused."""
    with _socket() as link:
        for address, bits in prefixes:
            body = _ROUTE.pack(socket.AF_INET, bits, 0, 0, _TABLE_MAIN, _STATIC, 0, _TYPE_PROHIBIT, 0)
            body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), _DST) + address
            link.send(_message(_NEWROUTE, _REQUEST | _ACK | _CREATE | _REPLACE, body))
            code = struct.unpack_from("=i", link.recv(_BUFFER), _HEADER.size)[0]
            if code:
                raise OSError(-code, os.strerror(-code))


def _socket() -> socket.socket:
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    found.settimeout(5)
    return found


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _local_routes(link: socket.socket) -> Iterator[Prefix]:
    while True:
        data = link.recv(_BUFFER)
        while data:
            length, kind, *_ = _HEADER.unpack_from(data)
            if kind in (_DONE, _ERROR):
                return
            yield from _local_route(data[_HEADER.size : length])
            data = data[length + 3 & ~3 :]


def _local_route(body: bytes) -> Iterator[Prefix]:
    _, bits, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    rest = body[_ROUTE.size :]
    while table == _TABLE_LOCAL and kind == _TYPE_LOCAL and len(rest) >= _ATTRIBUTE.size:
        length, attribute = _ATTRIBUTE.unpack_from(rest)
        if attribute == _DST:
            yield rest[_ATTRIBUTE.size : length], bits
        rest = rest[max(length, _ATTRIBUTE.size) + 3 & ~3 :]
