"""What runs beside the pages in the web process: the change feed's reader, the broker's hub, MCP, agents' sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from django.conf import settings
from django.db import OperationalError, transaction

from broker import delivery, hub, standing
from broker.hub import Hub
from broker.threads import in_thread
from hiveproject import sockets, tail
from hiveproject.mcp import endpoint
from hiveproject.screens.relay import process
from hiveproject.sockets import AgentSockets
from hiveproject.tail import Changes, Tail
from hiveproject.terminal import rooms, sessions

logger = logging.getLogger(__name__)
_CHECK_SECONDS = 2.0
_GAP_SECONDS = 0.1


def begin() -> None:
    """Before the first connection: nobody is connected to a web process that has just started."""
    with transaction.atomic():
        delivery.release_all()
        standing.everyone_disconnected()
        sessions.close_forgotten()


class Services:
    """Started and stopped on the event loop, whichever server runs it."""

    def __init__(self, agent_sockets: AgentSockets | None = None) -> None:
        self._sockets = agent_sockets
        self._checking: asyncio.Task[None] | None = None
        self._agents_changed = asyncio.Event()

    async def start(self) -> None:
        self._tail = await in_thread(Tail, settings.HIVE_PATHS.database)
        tail.install(self._tail)
        self._hub = Hub()
        hub.install(self._hub)
        self._hub.start()
        endpoint.start()
        self._tail.subscribe(self._hub.changed)
        self._tail.subscribe(self._changed)
        self._tail.start()
        if self._sockets is not None:
            self._sockets.follow(await in_thread(sockets.wanted))
            self._checking = asyncio.create_task(self._keep_sockets(self._sockets))

    async def stop(self) -> None:
        """Close the agents' connections and write what is waiting."""
        if self._checking is not None:
            self._checking.cancel()
        if self._sockets is not None:
            self._sockets.close()
        for room in rooms.every():
            await room.end("The hive stops.")
        self._tail.stop()
        process.stop()
        await endpoint.stop()
        await self._hub.stop()
        hub.install(None)
        tail.install(None)

    def _changed(self, changes: Changes) -> None:
        if any(topic == "agents" for _, topic, _ in changes):
            self._agents_changed.set()

    async def _keep_sockets(self, agent_sockets: AgentSockets) -> None:
        """At every change of an agent, and now and then in case a runtime folder was made anew."""
        clock = asyncio.get_running_loop().time
        checked = clock()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_SECONDS):
                    await self._agents_changed.wait()
            if self._agents_changed.is_set():
                self._agents_changed.clear()
                await self._follow(agent_sockets)
            if clock() - checked >= _CHECK_SECONDS:
                checked = clock()
                agent_sockets.repair()
            await asyncio.sleep(_GAP_SECONDS)  # agents change at every turn

    async def _follow(self, agent_sockets: AgentSockets) -> None:
        try:
            agent_sockets.follow(await in_thread(sockets.wanted, agent_sockets.names))
        except OperationalError as error:
            logger.warning("the agents' sockets stay as they are while the database is away: %s", error)
            self._agents_changed.set()
            await asyncio.sleep(_CHECK_SECONDS)
