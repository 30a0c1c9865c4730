"""The web server: daphne, listening on TCP for the operator and on one Unix socket for each agent.

What daphne leaves open is closed here: bodies and queues have limits, a client that does not read is not written to
without end, and the kernel's own word tells which socket a connection came in by.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from functools import partial
from typing import Any, cast

import hiveproject.reactor  # noqa: F401 - first: daphne keeps the reactor that it finds

# isort: split
from daphne.server import Server, reactor
from daphne.ws_protocol import WebSocketFactory
from twisted.internet import defer
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, globalLogBeginner
from zope.interface import implementer

from agents import takeover
from hiveproject.connections import Factory, WebSocket
from hiveproject.services import Services
from hiveproject.sockets import AgentSockets

logger = logging.getLogger(__name__)
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 12, 1.0, 2.0
MAX_FRAME = 1024 * 1024
STOP_SECONDS = 2.0


class PortTaken(Exception):
    """Somebody else listens on the hive's port."""


class HiveServer(Server):  # type: ignore[misc]
    """Listens where the hive is reached. Adds `hive_agent` to the scope of what came over an agent's socket."""

    def __init__(self, application: Any, bind: str, port: int) -> None:
        super().__init__(
            application,
            endpoints=["set by listen()"],
            websocket_timeout=-1,
            websocket_max_message_size=MAX_FRAME,
            websocket_max_frame_size=MAX_FRAME,
            server_name="hyperhive",
        )
        self._bind, self._port = bind, port
        self._sockets = AgentSockets(self._adopt)
        self._services = Services(self._sockets)
        self.connections: dict[Any, Any] = {}
        self.http_factory = Factory(self)
        self.ws_factory = self._websockets()

    def listen(self, tries: int = TRIES, pause: float = FIRST_PAUSE) -> None:
        """Listen on TCP (SO_REUSEADDR). Raises `PortTaken` after the last try, `OSError` for anything else."""
        for left in reversed(range(tries)):
            try:
                self.listeners.append(reactor.listenTCP(self._port, self.http_factory, 511, self._bind))
                return
            except CannotListenError as error:
                if getattr(error.socketError, "errno", None) != errno.EADDRINUSE:
                    raise OSError(str(error)) from error
            if left:
                logger.info("port %d is taken, trying again", self._port)
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        raise PortTaken(f"port {self._port} on {self._bind} is taken: stop what listens there, or set HYPERHIVE_PORT")

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        globalLogBeginner.beginLoggingTo([cast(Any, _FailureLog())], redirectStandardIO=False, discardBuffer=True)
        asyncio.set_event_loop(reactor._asyncioEventloop)
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.callWhenRunning(self._start_services)
        reactor.addSystemEventTrigger("before", "shutdown", self._shut_down)
        reactor.run(installSignalHandlers=True)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """As daphne's, with the side of the hive that the connection came in by."""
        address = (protocol.transport if scope["type"] == "websocket" else protocol.channel.transport).getHost()
        if isinstance(address, UNIXAddress):
            scope["hive_agent"] = self._sockets.agent(address.name or b"") or ""
        scope["root_path"] = self.root_path  # never the client's `Daphne-Root-Path`
        if not isinstance(protocol, WebSocket):
            return super().create_application(protocol, scope)
        scope["extensions"] = {"hyperhive.writable": protocol.writable}
        if (offer := protocol.offer()) is not None:
            scope["extensions"][takeover.EXTENSION] = offer
        return self._create_websocket(protocol, scope)

    def _create_websocket(self, protocol: WebSocket, scope: dict[str, Any]) -> asyncio.Queue[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def receive() -> Any:
            message = await queue.get()
            protocol.handled()
            return message

        scope.setdefault("asgi", {"version": "3.0"})
        running = self.application(scope, receive, partial(self.handle_reply, protocol))
        task = self.connections[protocol]["application_instance"] = asyncio.ensure_future(running)
        task.add_done_callback(protocol.application_ended)
        return queue

    def _websockets(self) -> WebSocketFactory:
        factory = WebSocketFactory(self, server=self.server_name)
        factory.protocol = WebSocket
        factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
            failByDrop=False,  # say why before closing
        )
        return factory

    def _adopt(self, connected: socket.socket) -> None:
        with connected:  # the reactor takes a duplicate
            connected.setblocking(False)
            reactor.adoptStreamConnection(connected.fileno(), socket.AF_UNIX, self.http_factory)

    def _start_services(self) -> None:
        asyncio.ensure_future(self._services.start()).add_done_callback(self._started)

    def _started(self, task: asyncio.Task[None]) -> None:
        if task.exception() is not None:
            logger.critical("the web process could not start", exc_info=task.exception())
            reactor.stop()

    def _shut_down(self) -> Any:
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        """Say goodbye, write what is waiting, and end whatever still runs."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._services.stop()
                await self._cancel_applications()
        except TimeoutError:
            logger.warning("not everything stopped in time")
        except Exception:  # the process ends all the same
            logger.exception("the web process did not stop cleanly")

    async def _cancel_applications(self) -> None:
        running = [details.get("application_instance") for details in self.connections.values()]
        pending = [task for task in running if task is not None and not task.done()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


@implementer(ILogObserver)
class _FailureLog:
    """Of what Twisted tells only failures are worth a line."""

    def __call__(self, event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None:
            logger.error("connection failed: %s", failure.getTraceback())
