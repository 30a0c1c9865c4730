"""Redis Streams, NATS JetStream and RabbitMQ as people use them from Python: their usual asyncio clients.

Each producer has a connection of its own, as an agent has. Every message is stored for good before its producer goes
on, and acknowledged by the consumer.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import nats
import redis.asyncio as redis
from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from agents import command
from tests.bench.broker.load import Send
from tests.bench.broker.processes import Server, answers, free_port

PREFETCH = 256


def program(*names: str) -> str:
    """The path of the first program that is there. Raises `RuntimeError` with what to install."""
    for name in names:
        if found := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/lib/rabbitmq/bin"):
            return found
    raise RuntimeError(f"{names[0]} is missing")


class Redis:
    def __init__(self, name: str, fsync: str) -> None:
        self.name, self._fsync = name, fsync

    def start(self) -> None:
        self._server, self._port = Server(), free_port()
        options = {"port": self._port, "bind": "127.0.0.1", "dir": self._server.folder, "appendonly": "yes"}
        options |= {"appendfsync": self._fsync, "save": '""', "appenddirname": "aof"}
        (self._server.folder / "conf").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
        self._server.start([program("redis-server"), str(self._server.folder / "conf")])
        self._server.until(lambda: answers(self._port))

    def stop(self) -> None:
        self._server.stop()

    @asynccontextmanager
    async def connected(self, producers: int, arrived: Callable[[str], None]) -> AsyncIterator[list[Send]]:
        consumer = self._client()
        await consumer.delete("s")
        await consumer.xgroup_create("s", "g", mkstream=True)
        over = asyncio.Event()
        consuming = asyncio.create_task(self._consume(consumer, arrived, over))
        clients = [self._client() for _ in range(producers)]
        await asyncio.gather(*(client.ping() for client in clients))
        yield [lambda body, client=client: client.xadd("s", {"b": body}) for client in clients]  # type: ignore[misc]
        over.set()
        await consuming
        await asyncio.gather(*(client.aclose() for client in (*clients, consumer)))

    async def _consume(self, client: Any, arrived: Callable[[str], None], over: asyncio.Event) -> None:
        while not over.is_set():
            for _, entries in await client.xreadgroup("g", "c", {"s": ">"}, count=PREFETCH, block=100) or ():
                for _, fields in entries:
                    arrived(fields["b"])
                await client.xack("s", "g", *(ident for ident, _ in entries))

    def _client(self) -> Any:
        return redis.Redis(port=self._port, decode_responses=True, single_connection_client=True)


class Nats:
    name = "nats-jetstream"

    def start(self) -> None:
        self._server, self._port = Server(), free_port()
        argv = ["--jetstream", "--store_dir", str(self._server.folder / "js"), "-a", "127.0.0.1"]
        self._server.start([program("nats-server"), *argv, "-p", str(self._port)])
        self._server.until(lambda: answers(self._port))

    def stop(self) -> None:
        self._server.stop()

    @asynccontextmanager
    async def connected(self, producers: int, arrived: Callable[[str], None]) -> AsyncIterator[list[Send]]:
        async def take(message: Any) -> None:
            arrived(message.data.decode())
            await message.ack()

        consumer = await self._connect()
        stream = consumer.jetstream()
        limits = StreamConfig(name="s", subjects=["s"], storage=StorageType.FILE, retention=RetentionPolicy.WORK_QUEUE)
        await stream.add_stream(limits)
        window = ConsumerConfig(max_ack_pending=PREFETCH)
        await stream.subscribe("s", durable="c", cb=take, manual_ack=True, config=window)
        clients = [await self._connect() for _ in range(producers)]
        streams = [client.jetstream() for client in clients]
        yield [lambda body, js=js: js.publish("s", body.encode()) for js in streams]  # type: ignore[misc]
        await stream.delete_stream("s")
        await asyncio.gather(*(client.close() for client in (*clients, consumer)))

    async def _connect(self) -> Any:
        return await nats.connect(f"nats://127.0.0.1:{self._port}")


class RabbitMQ:
    name = "rabbitmq"

    def start(self) -> None:
        self._server, self._port = Server(), free_port()
        folder = self._server.folder
        shutil.chown(folder, *_rabbit())
        (folder / "plugins").write_text("[].\n")
        env = command.clean_environment(
            RABBITMQ_NODENAME=f"bench{self._port}@localhost", RABBITMQ_NODE_PORT=str(self._port),
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_DIST_PORT=str(free_port()),
            RABBITMQ_MNESIA_BASE=f"{folder}/m",
            RABBITMQ_LOG_BASE=f"{folder}/l", RABBITMQ_ENABLED_PLUGINS_FILE=f"{folder}/plugins", HOME=str(folder),
            RABBITMQ_CONFIG_FILE=f"{folder}/none", RABBITMQ_PID_FILE=f"{folder}/pid",
            RABBITMQ_SERVER_START_ARGS="-kernel inet_dist_use_interface {127,0,0,1}", ERL_EPMD_ADDRESS="127.0.0.1",
        )  # fmt: skip
        self._server.start([str(_rabbit_server())], env)
        self._server.until(lambda: answers(self._port))

    def stop(self) -> None:
        self._server.stop()

    @asynccontextmanager
    async def connected(self, producers: int, arrived: Callable[[str], None]) -> AsyncIterator[list[Send]]:
        async def take(message: Any) -> None:
            arrived(message.body.decode())
            await message.ack()

        consumer = await self._connect()
        channel = await consumer.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.declare_queue("q", durable=True)
        await queue.purge()
        await queue.consume(take)
        connections = [await self._connect() for _ in range(producers)]
        channels = [await connection.channel(publisher_confirms=True) for connection in connections]
        yield [self._sender(channel) for channel in channels]
        await asyncio.gather(*(connection.close() for connection in (*connections, consumer)))

    def _sender(self, channel: Any) -> Send:
        persistent = aio_pika.DeliveryMode.PERSISTENT

        async def send(body: str) -> None:
            message = aio_pika.Message(body.encode(), delivery_mode=persistent)
            await channel.default_exchange.publish(message, routing_key="q")

        return send

    async def _connect(self) -> Any:
        return await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self._port}/")


def _rabbit_server() -> Path:
    """The program itself: Debian's wrapper changes its user and wants a service."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found else Path(program("rabbitmq-server"))


def _rabbit() -> tuple[int, int]:
    return os.geteuid(), os.getegid()
