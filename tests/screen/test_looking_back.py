"""Thumbnails and recordings."""

from __future__ import annotations

import base64
import re
import socket
import struct
import zlib
from pathlib import Path
from threading import Thread

import pytest

from agents.screen.recording import MAGIC, Recorder
from agents.screen.rfb import RfbError
from agents.screen.security import Credentials
from agents.screen.thumbnail import Canvas, picture
from tests.broker.hive import Hive, until
from tests.screen.desktop import SIZE, Desktop
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer


def unpacked(png: bytes) -> tuple[int, int, bytes]:
    """Width, height, rows of a filter byte and three bytes a pixel."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    length = int.from_bytes(png[33:37], "big")
    return width, height, zlib.decompress(png[41 : 41 + length])


def test_the_thumbnail_shows_the_desktop(ada: Operator, name: str, shown: Desktop) -> None:
    status, body = ada.get(f"/agents/{name}/screen/thumbnail/")
    found = re.search(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", body)
    assert (status, found is not None) == (200, True), body
    assert found is not None
    width, height, rows = unpacked(base64.b64decode(found[1]))
    assert (width, height) == (SIZE[0] // 2, SIZE[1] // 2)
    assert rows[-3:] == b"\x20\x50\x80"


def test_without_a_screen_it_says_what_to_do(ada: Operator, name: str) -> None:
    status, body = ada.get(f"/agents/{name}/screen/thumbnail/")
    assert status == 200
    assert b"hyperhive.gui.enable = true" in body


def test_a_canvas_keeps_every_third_pixel() -> None:
    canvas = Canvas(7, 4, 3)
    for y in range(4):
        for x in range(0, 7, 2):
            canvas.put(x, y, bytes((10 * y + each, 1, 2, 0)[at] for each in range(x, min(x + 2, 7)) for at in range(4)))
    assert canvas.is_whole
    rows = bytes((0, 0, 1, 2, 3, 1, 2, 6, 1, 2)), bytes((0, 30, 1, 2, 33, 1, 2, 36, 1, 2))
    assert unpacked(canvas.png()) == (3, 2, b"".join(rows))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (struct.pack(">HH16xI", 60000, 60000, 0), "60000 by 60000"),
        (struct.pack(">HH16xI", 8, 8, 1 << 30), "a name that is too long"),
        (struct.pack(">HH16xI", 8, 8, 0) + b"\x09", "said 9"),
        (struct.pack(">HH16xI", 8, 8, 0) + struct.pack(">BxHHHHHi", 0, 1, 0, 0, 8, 8, 7), "not asked for"),
        (
            struct.pack(">HH16xI", 8, 8, 0) + struct.pack(">BxHHHHHi", 0, 1, 4, 0, 8, 1, 0) + bytes(32),
            "beyond its edge",
        ),
        (struct.pack(">HH16xI", 8, 8, 0), "takes too long"),
    ],
)
def test_a_hostile_server_gets_no_further(said: bytes, why: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"RFB 003.008\n\x01\x01\0\0\0\0" + said)
        with pytest.raises(RfbError, match=why):
            picture(ours, Credentials(), seconds=0.5)


def _leave(connected: socket.socket) -> None:
    connected.recv(12)
    connected.close()


def test_a_server_that_leaves() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"RFB 003.008\n")
        Thread(target=_leave, args=(theirs,)).start()
        with pytest.raises(RfbError, match=r"hung up|was lost"):
            picture(ours, Credentials())


async def test_a_session_is_recorded_on_request(ada: Operator, name: str, shown: Desktop, hive: Hive) -> None:
    async with ada.open(name, ada.ticket(name, record="1")) as opened:
        viewer = Viewer(opened)
        await viewer.greet()
        await viewer.picture()
    until(lambda: ended(hive, name), 30, "the end of the recording")
    ((number, size, who),) = ended(hive, name)
    path = f"/agents/{name}/screen/recordings/{number}/"
    data = ada.get(f"{path}piece?from=0")[1] + ada.get(f"{path}piece?from=1048576")[1]
    assert (len(data), data[:8], who) == (size, MAGIC, "ada")
    at, heard = 8, b""
    while at < len(data):
        _, length = struct.unpack(">II", data[at : at + 8])
        heard += data[at + 8 : at + 8 + length]
        at += 8 + length
    assert heard.startswith(b"RFB 003.008\n\x01\x01\0\0\0\0" + struct.pack(">HH", *SIZE))
    assert len(heard) > SIZE[0] * SIZE[1] * 4
    assert ada.get(path)[0] == 200
    actions = hive.rows("SELECT action FROM approvals_auditevent WHERE agent = ?", name)
    assert ("screen recording begun",) in actions


def ended(hive: Hive, name: str) -> list[tuple[int, int, str]]:
    sql = """SELECT recording.id, size, username FROM agents_screenrecording recording
        JOIN agents_agent agent ON agent.id = agent_id JOIN auth_user ON auth_user.id = user_id
        WHERE agent.name = ? AND ended_at IS NOT NULL"""
    return [(int(row[0]), int(row[1]), str(row[2])) for row in hive.rows(sql, name)]


def test_a_recording_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "1.rfb"
    recorder = Recorder(path, limit=100)
    for _ in range(5):
        recorder.write(b"x" * 30)
    recorder.close()
    assert (recorder.is_full, recorder.size, path.stat().st_size) == (True, 84, 84)
