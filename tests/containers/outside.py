"""A machine outside: a network namespace with one server, reached through a link of this host's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agents import command

_SECONDS = 10.0
_SERVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, peer = server.accept()
    connection.sendall(peer[0].encode())
    connection.close()
"""


@dataclass(frozen=True)
class Outside:
    """`address` and `port` of the server, which sends each caller the address it sees; `host`: ours on that link."""

    address: str
    port: int
    host: str

    @property
    def link_local(self) -> str:
        """A second address of the server, such as a cloud's own."""
        return _link_local(self.address)


def _link_local(address: str) -> str:
    return f"169.254.{address.split('.')[2]}.2"


@contextmanager
def somewhere_outside() -> Iterator[Outside]:
    link, third = f"hht{os.getpid() % 100000}", os.getpid() % 250
    host, address = f"198.18.{third}.1", f"198.18.{third}.2"
    reading, writing = os.pipe()
    server = command.start(["unshare", "--net", sys.executable, "-c", _SERVER], stdout=writing)
    try:
        with os.fdopen(reading) as lines:
            os.close(writing)
            port = int(lines.readline())
        namespace = f"/proc/{server.pid}/ns/net"
        _batch("ip", f"link add {link} type veth peer name out0 netns {server.pid}")
        _batch("ip", f"address add {host}/30 dev {link}", f"link set {link} up")
        for own in (f"{address}/30", f"{_link_local(address)}/32"):
            inside = ("address", "add", own, "dev", "out0")
            command.run(["nsenter", f"--net={namespace}", "ip", *inside], timeout=_SECONDS)
        command.run(["nsenter", f"--net={namespace}", "ip", "link", "set", "out0", "up"], timeout=_SECONDS)
        _batch("ip", f"route add {_link_local(address)}/32 via {address}")
        yield Outside(address, port, host)
    finally:
        command.kill_group(server)
        if os.path.exists(f"/sys/class/net/{link}"):
            _batch("ip", f"link delete {link}")


def _batch(program: str, *lines: str) -> None:
    command.run([program, "-batch", "-"], input="\n".join(lines).encode(), timeout=_SECONDS)
