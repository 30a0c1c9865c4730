"""Taken-over websockets on a real server: TCP, a Unix socket, in pieces, idle, silent, given away."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.broker.hive import until
from tests.takeover.world import SECONDS, World, frame


def gone(world: World, path: str) -> None:
    """Wait until no consumer and no connection of the path is left."""
    until(lambda: world.alive(path) == 0, SECONDS, f"consumers of {path}")


@pytest.mark.parametrize("unix", [False, True])
def test_it_echoes(world: World, unix: bool) -> None:
    with world.raw("/echo", unix=unix) as raw:
        assert b"101 Switching" in raw.answer()
        raw.send(frame(1, "grüße".encode()) + frame(2, b"\x00\xff"))
        assert raw.frame() == (1, "grüße".encode())
        assert raw.frame() == (2, b"\x00\xff")
        raw.send(frame(9, b"there?"))
        assert raw.frame() == (10, b"there?")


@pytest.mark.parametrize("path", ["/echo", "/late", "/plain"])
@pytest.mark.parametrize("unix", [False, True])
def test_a_frame_pipelined_with_the_handshake_is_not_lost(world: World, path: str, unix: bool) -> None:
    first = frame(1, b"first")
    with world.raw(path, along=first + frame(1, b"second")[:3], unix=unix) as raw:
        raw.answer()
        assert raw.frame() == (1, b"first")
    with world.raw(path, along=first[:4], unix=unix) as raw:
        time.sleep(0.05)  # arrives in a segment of its own while the consumer still thinks
        raw.send(first[4:] + frame(1, b"second"))
        raw.answer()
        assert [raw.frame(), raw.frame()] == [(1, b"first"), (1, b"second")]


@pytest.mark.parametrize("unix", [False, True])
def test_frames_split_at_every_byte(world: World, unix: bool) -> None:
    data = frame(1, b"hallo") + frame(2, b"x" * 200) + frame(1, b"", final=False) + frame(0, b"end")
    with world.raw("/echo", unix=unix) as raw:
        raw.answer()
        for cut in range(1, len(data)):
            raw.send(data[:cut])
            raw.send(data[cut:])
        for byte in data:
            raw.send(bytes((byte,)))
        for _ in range(len(data)):
            assert [raw.frame() for _ in range(3)] == [(1, b"hallo"), (2, b"x" * 200), (1, b"end")]


def test_it_runs_on_uvloop(world: World) -> None:
    assert world.state()["loop"].startswith("uvloop")


@pytest.mark.parametrize(
    ("bad", "code"),
    [(frame(1, b"x", masked=False), 1002), (frame(1, b"\xff"), 1007), (frame(2, bytes(200_000)), 1009)],
    ids=["unmasked", "not UTF-8", "too long"],
)
def test_a_client_that_breaks_the_protocol_learns_why(world: World, bad: bytes, code: int) -> None:
    with world.raw("/echo") as raw:
        raw.answer()
        raw.send(bad + frame(1, b"not taken"))
        opcode, text = raw.frame()
        assert (opcode, text.startswith(b"failed %d" % code)) == (1, True)
        assert raw.closed_with() == code
        raw.send(frame(8, code.to_bytes(2, "big")))
        assert raw.at_end()
    gone(world, "/echo")
    assert world.state()["ended"][-1] == code


def test_a_close_is_answered_with_its_code(world: World) -> None:
    with world.raw("/echo") as raw:
        raw.answer()
        raw.send(frame(1, b"last") + frame(8, b"\x0f\xa1bye") + frame(1, b"after"))
        assert raw.frame() == (1, b"last")
        assert raw.frame() == (8, b"\x0f\xa1")
        assert raw.at_end()
    gone(world, "/echo")
    assert world.state()["ended"][-1] == 4001


async def test_the_server_closes_with_code_and_reason(world: World) -> None:
    async with connect(world.url("/echo")) as client:
        await client.send("close")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (4321, "as asked")


def test_a_client_that_vanishes_ends_its_consumer(world: World) -> None:
    with world.raw("/echo") as raw:
        raw.answer()
        assert world.alive("/echo") == 1
    gone(world, "/echo")
    assert world.state()["ended"][-1] == 1006


@pytest.mark.parametrize(("path", "code"), [("/returns", 1000), ("/returns-plain", 1000), ("/raises", 1011)])
def test_there_is_no_connection_without_a_consumer(world: World, path: str, code: int) -> None:
    with world.raw(path) as raw:
        raw.answer()
        assert raw.closed_with() == code
        raw.send(frame(8, code.to_bytes(2, "big")))
        raw.at_end()
    until(lambda: world.state()["held"] == 0, SECONDS)


async def test_a_consumer_that_never_answers_refuses(world: World) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(world.url("/never-answers")):
            pass
    assert refused.value.response.status_code == 403


async def test_a_defect_in_a_reader_ends_its_connection_only(world: World) -> None:
    async with connect(world.url("/echo")) as other, connect(world.url("/echo")) as client:
        await client.send("break")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1011
        await other.send("still there")
        assert await other.recv() == "still there"


async def test_messages_of_asgi_still_go_out(world: World) -> None:
    async with connect(world.url("/sends")) as client:
        assert await client.recv() == "over ASGI"
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4001


async def test_the_subprotocol_is_the_one_accepted(world: World) -> None:
    async with connect(world.url("/subprotocol"), subprotocols=["one", "two"]) as client:  # type: ignore[list-item]
        assert client.subprotocol == "two"


async def test_nothing_is_delivered_while_it_is_paused_and_nothing_lost(world: World) -> None:
    async with connect(world.url("/echo"), compression=None) as client:
        await client.send("pause")
        for number in range(2000):
            await client.send(str(number))
        assert [await client.recv() for _ in range(2000)] == [str(number) for number in range(2000)]


async def test_many_frames_leave_in_order(world: World) -> None:
    async with connect(world.url("/many")) as client:
        assert [await client.recv() for _ in range(5000)] == [str(number) for number in range(5000)]


def test_a_client_that_reads_slowly_costs_no_memory(world: World) -> None:
    before = world.state()["memory"]
    with world.raw("/flood") as raw:
        raw.answer()
        time.sleep(0.5)  # long enough for a server without backpressure to write all 64 MB
        assert world.state()["memory"] - before < 16_000, "kB"
        for number in range(1000):
            opcode, payload = raw.frame()
            assert (opcode, len(payload), payload[:4]) == (2, 65536, number.to_bytes(4, "big"))
        assert raw.frame() == (1, b"done")


def test_a_client_that_is_there_is_asked_and_kept(hasty: World) -> None:
    """Pings that are answered keep a silent connection for many times daphne's limits."""
    with hasty.raw("/echo") as raw:
        raw.answer()
        for _ in range(3):
            assert raw.frame() == (9, b"")
            raw.send(frame(10, b""))
        raw.send(frame(1, b"still there"))
        assert raw.frame() == (1, b"still there")


def test_a_client_that_answers_nothing_is_given_up(hasty: World) -> None:
    with hasty.raw("/echo") as raw:
        raw.answer()
        assert raw.frame() == (9, b"")
        with pytest.raises((EOFError, ConnectionError)):
            raw.frame()
    gone(hasty, "/echo")


def test_a_client_that_does_not_answer_our_close_is_given_up(world: World) -> None:
    with world.raw("/returns") as raw:
        raw.answer()
        assert raw.closed_with() == 1000
        raw.at_end()
    gone(world, "/returns")


def test_the_socket_can_be_given_away_with_what_was_left(hasty: World) -> None:
    """Somebody else reads and writes it; no timer of the server touches it; its end is the connection's."""
    with hasty.raw("/give", along=b"as it") as raw:
        raw.answer()
        raw.send(b" came")
        assert raw.frame() == (1, b"yours")
        while len(raw.data) < 10:
            raw._more()
        assert raw.data == b"as it came"
        time.sleep(5)  # more than twice the time after which a silent websocket is given up here
        assert hasty.alive("/give") == 1
        raw.send(b"raw")
        raw.data = b""
        raw._more()
        assert raw.data == b"raw"
        raw.socket.shutdown(socket.SHUT_WR)
        raw.at_end()
    gone(hasty, "/give")


def test_a_consumer_that_leaves_takes_the_given_socket_along(world: World) -> None:
    with world.raw("/give-and-leave") as raw:
        raw.answer()
        raw.at_end()
    gone(world, "/give-and-leave")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_idle_and_busy_for_180_seconds(world: World) -> None:
    """Longer than any timeout of daphne's: handshake 5 s, connect 20 s, ping 20 + 30 s, application close 10 s."""
    async with connect(world.url("/echo")) as idle, connect(world.url("/echo")) as busy:
        end = time.monotonic() + 180
        while time.monotonic() < end:
            await busy.send("x" * 1000)
            assert await busy.recv() == "x" * 1000
            await asyncio.sleep(0.01)
        await idle.send("still there")
        assert await idle.recv() == "still there"
        assert world.alive("/echo") == 2
