"""The hive's web server with consumers of the tests' own behind it; run as a program by `tests.takeover.world`."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
import threading
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django

django.setup()

from agents import takeover  # noqa: E402
from hiveproject.server import HiveServer  # noqa: E402 - needs the settings

alive: dict[str, int] = {}
ended: list[int] = []


class Echo:
    """Sends back whatever comes."""

    connection: takeover.Connection

    def __init__(self) -> None:
        self.relief, self.over = asyncio.Event(), asyncio.Event()

    def received(self, message: str | bytes) -> None:
        if message == "close":
            self.connection.close(4321, "as asked")
        elif message == "pause":
            self.connection.pause()
            asyncio.get_running_loop().call_later(0.2, self.connection.resume)
        elif message == "break":
            raise ZeroDivisionError
        else:
            self.connection.send(message)

    def relieved(self) -> None:
        self.relief.set()

    def failed(self, code: int, reason: str) -> None:
        self.connection.send(f"failed {code}: {reason}")

    def ended(self, code: int) -> None:
        ended.append(code)
        self.over.set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await answer(send)
        return
    path = scope["path"]
    alive[path] = alive.get(path, 0) + 1
    try:
        assert (await receive())["type"] == "websocket.connect"
        await WAYS[path](scope, receive, send)
    finally:
        alive[path] -= 1


async def answer(send: Any) -> None:
    held = sum(1 for details in server.connections.values() if "application_instance" in details) - 1
    state = {"alive": alive, "ended": ended, "held": held, "memory": memory(), "loop": type(loop()).__module__}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(state).encode()})


def loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def memory() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def accepted(scope: Any, **limits: Any) -> Echo:
    offer = takeover.offered(scope)
    assert offer is not None
    reader = Echo()
    reader.connection = offer.accept(reader, **limits)
    return reader


async def echo(scope: Any, receive: Any, _send: Any) -> None:
    accepted(scope, max_message=100_000).connection.resume()
    assert (await receive())["type"] == "websocket.disconnect"


async def late(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.2)
    await echo(scope, receive, send)


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.2)
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def either(scope: Any, receive: Any, send: Any) -> None:
    if takeover.offered(scope) is not None:
        await echo(scope, receive, send)
    else:
        await plain(scope, receive, send)


async def subprotocol(scope: Any, receive: Any, _send: Any) -> None:
    accepted(scope, subprotocol="two").connection.resume()
    await receive()


async def returns(scope: Any, _receive: Any, _send: Any) -> None:
    accepted(scope).connection.resume()
    await asyncio.sleep(0.05)


async def returns_plain(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


async def raises(scope: Any, _receive: Any, _send: Any) -> None:
    accepted(scope).connection.resume()
    await asyncio.sleep(0.05)
    raise ZeroDivisionError


async def never_answers(_scope: Any, _receive: Any, _send: Any) -> None:
    """Returns without a word."""


async def sends(scope: Any, receive: Any, send: Any) -> None:
    """A consumer that goes on with ASGI messages after the takeover."""
    accepted(scope).connection.resume()
    await send({"type": "websocket.send", "text": "over ASGI"})
    await send({"type": "websocket.close", "code": 4001})
    assert (await receive())["type"] == "websocket.disconnect"


async def flood(scope: Any, receive: Any, _send: Any) -> None:
    """1,000 frames of 64 KiB, no faster than they are read."""
    reader = accepted(scope)
    reader.connection.resume()
    for number in range(1000):
        reader.connection.send(number.to_bytes(4, "big") + bytes(65536 - 4))
        while reader.connection.congested and not reader.over.is_set():
            reader.relief.clear()
            await reader.relief.wait()
    reader.connection.send("done")
    await receive()


async def many(scope: Any, receive: Any, _send: Any) -> None:
    reader = accepted(scope)
    reader.connection.resume()
    reader.connection.send_many(str(number) for number in range(5000))
    await receive()


async def give(scope: Any, receive: Any, _send: Any) -> None:
    """The socket goes to another thread, which sends back the raw bytes until there are no more."""
    reader = accepted(scope)
    reader.connection.send("yours")
    given = await reader.connection.detach()
    thread = threading.Thread(
        target=raw_echo, args=(os.dup(given.fileno()), given.leftover, loop(), given.end), daemon=True
    )
    thread.start()
    assert (await receive())["type"] == "websocket.disconnect"


def raw_echo(descriptor: int, leftover: bytes, home: asyncio.AbstractEventLoop, end: Any) -> None:
    with socket.socket(fileno=descriptor) as held:
        held.setblocking(True)
        data = leftover
        while data != b"end":
            held.sendall(data)
            select.select([held], [], [])
            data = held.recv(65536) or b"end"
        home.call_soon_threadsafe(end)


async def give_and_leave(scope: Any, _receive: Any, _send: Any) -> None:
    reader = accepted(scope)
    await reader.connection.detach()


WAYS = {
    "/echo": echo,
    "/late": late,
    "/plain": plain,
    "/either": either,
    "/subprotocol": subprotocol,
    "/returns": returns,
    "/returns-plain": returns_plain,
    "/raises": raises,
    "/never-answers": never_answers,
    "/sends": sends,
    "/flood": flood,
    "/many": many,
    "/give": give,
    "/give-and-leave": give_and_leave,
}


class BareServer(HiveServer):
    def _start_services(self) -> None:
        """None: there is no hive behind it."""

    def _shut_down(self) -> Any:
        return None


def listen_elsewhere() -> None:
    from twisted.internet import reactor as installed
    from twisted.internet import ssl  # only now: the hive's server has put its own reactor in place

    reactor: Any = installed
    if tls:
        context = ssl.DefaultOpenSSLContextFactory(tls[1], tls[1])  # type: ignore[no-untyped-call]
        reactor.listenSSL(int(tls[0]), server.http_factory, context, interface="127.0.0.1")
    reactor.listenUNIX(path, server.http_factory)  # last: whoever starts this waits for it


if __name__ == "__main__":
    port, path, ping, lost, *tls = sys.argv[1:]
    server = BareServer(application, "127.0.0.1", int(port))
    server.ping_interval, server.ping_timeout = float(ping), float(lost)
    server.listen()
    listen_elsewhere()
    server.run()
