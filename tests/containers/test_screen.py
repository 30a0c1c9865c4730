"""The screen of a sandbox: a real Xvnc inside, reached from outside by a socket that the agent could not have made."""

from __future__ import annotations

import os
import socket
import stat
import struct
import time
from typing import Any

import pytest

from agents.containers.listening import listen
from agents.naming import display
from agents.screen.handshakes import ToServer
from agents.screen.security import Credentials
from tests.containers.hive import Hive

SHOW = """
import asyncio, pathlib, subprocess
from agents.harness.screen import NOTE, Screen, handed_in
fd = handed_in()
async def main():
    screen = Screen(fd, "alice", lambda kind, **data: print(kind, data, flush=True))
    running = asyncio.ensure_future(screen.run())
    await screen.shown.wait()
    await asyncio.sleep(0)
    while not NOTE.exists():
        await asyncio.sleep(0.01)
    asked = subprocess.run(["xdpyinfo"], capture_output=True, text=True)
    report([fd, NOTE.read_text(), os.environ["DISPLAY"], asked.returncode, "1280x800" in asked.stdout])
    await running
asyncio.run(main())
"""


def greeted(hive: Hive) -> socket.socket:
    """A connection that has been told the desktop's size."""
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(60)
    try:
        connected.connect(str(hive.paths.vnc_socket("alice")))
        handshake = ToServer(Credentials())
        while not handshake.done:
            if not (said := connected.recv(4096)):
                raise ConnectionResetError("it hung up")
            connected.sendall(handshake.feed(said))
    except BaseException:
        connected.close()
        raise
    return connected


def size_of(connected: socket.socket) -> tuple[Any, ...]:
    return struct.unpack(">HH", connected.recv(4096)[:4])


def test_a_server_inside_is_reached_from_outside(hive: Hive) -> None:
    hive.run(SHOW, gui=True)
    fd, note, shown, code, sized = hive.answer(seconds=60)
    assert (fd, shown, code, sized) == (6, f":{display('alice')}", 0, True)
    assert note == f'{{"vnc_socket": "/run/hive/vnc.sock", "auth": "none", "display": "{shown}"}}\n'
    with greeted(hive) as first, greeted(hive) as second:
        assert size_of(first) == size_of(second) == (1280, 800)


def test_a_server_that_ends_is_started_again(hive: Hive) -> None:
    body = SHOW.replace("    await running\n", "    screen._programs[0].kill()\n    await running\n")
    hive.run(body, gui=True)
    hive.answer(seconds=60)
    with greeted_by_the_next(hive) as connected:
        assert size_of(connected) == (1280, 800)


def greeted_by_the_next(hive: Hive) -> socket.socket:
    """The one that is killed may have taken the connection up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return greeted(hive)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_socket_is_the_hosts_alone(hive: Hive) -> None:
    hive.run("report(write('/run/hive/vnc.sock')); wait()", gui=True)
    assert hive.answer() != "ok"
    found = hive.paths.vnc_socket("alice").lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.geteuid())


def test_without_the_option_there_is_none(hive: Hive) -> None:
    hive.run("report([os.environ.get('DISPLAY'), os.path.exists('/proc/self/fd/6')]); wait()")
    assert hive.answer() == [None, False]
    assert not hive.paths.vnc_socket("alice").exists()


def test_a_folder_that_was_exchanged_is_refused(hive: Hive) -> None:
    folder = hive.root / "folder"
    folder.mkdir()
    found = folder.stat()
    with pytest.raises(FileNotFoundError, match="exchanged"):
        listen(str(folder), (found.st_dev, found.st_ino + 1), "vnc.sock", (os.geteuid(), os.getegid()))
    assert list(folder.iterdir()) == []


def test_whatever_lies_there_makes_way(hive: Hive) -> None:
    folder = hive.root / "folder"
    folder.mkdir()
    target = hive.root / "precious"
    target.write_text("kept")
    (folder / "vnc.sock").symlink_to(target)
    found = folder.stat()
    os.close(listen(str(folder), (found.st_dev, found.st_ino), "vnc.sock", (os.geteuid(), os.getegid())))
    assert stat.S_ISSOCK((folder / "vnc.sock").lstat().st_mode)
    assert target.read_text() == "kept"
