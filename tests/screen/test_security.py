"""What servers ask for is answered by the host; what a page gets is a desktop that asks for nothing."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from agents.screen.handshakes import ToBrowser, ToServer
from agents.screen.rfb import RfbError
from agents.screen.security import Credentials, vnc_response
from tests.broker.hive import Hive
from tests.screen.desktop import SIZE, desktop
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer

# The 1024-bit group of RFC 2409, 6.2: small enough to be quick, large enough to be one that servers use.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
LENGTH = 128


def test_only_eight_characters_of_a_password_count() -> None:
    assert vnc_response(bytes(range(16)), "passwor") != vnc_response(bytes(range(16)), "password")
    assert vnc_response(bytes(range(16)), "passwordmore") == vnc_response(bytes(range(16)), "password")


async def test_a_server_with_a_password(ada: Operator, name: str, hive: Hive) -> None:
    hive.paths.agent_runtime(name).mkdir(exist_ok=True)
    hive.paths.vnc_password(name).write_text("hidden!\n")
    password = hive.root / f"passwd-{name}"
    password.write_bytes(obfuscated(b"hidden!"))
    with desktop(
        hive.paths.vnc_socket(name), "-SecurityTypes", "VncAuth", "-PasswordFile", str(password), window=False
    ):
        async with ada.watching(name) as viewer:
            assert viewer.size == SIZE
        hive.paths.vnc_password(name).write_text("wrong\n")
        async with ada.open(name) as opened:
            code, reason = await Viewer(opened).closed()
    assert code == 4400
    assert "refuses the host's credentials" in reason


def obfuscated(password: bytes) -> bytes:
    """As vncpasswd writes it: DES under a key that everybody knows."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in (23, 82, 107, 6, 35, 78, 88, 7))
    encryptor = Cipher(TripleDES(key * 3), ECB()).encryptor()  # noqa: S305 - the format's
    return bytes(encryptor.update(password[:8].ljust(8, b"\0")))


class AppleServer(Thread):
    """What Weston's VNC backend does at a connection (type 30), with the credentials that it was told."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(daemon=True)
        self.listener, self.told = listener, (b"", b"")

    def run(self) -> None:
        with self.listener.accept()[0] as connected:
            connected.sendall(b"RFB 003.008\n")
            self._read(connected, 12)
            connected.sendall(bytes((3, 129, 5, 30)))
            assert self._read(connected, 1) == b"\x1e"
            private = int.from_bytes(os.urandom(64), "big")
            offer = struct.pack(">HH", 2, LENGTH) + PRIME.to_bytes(LENGTH, "big")
            connected.sendall(offer + pow(2, private, PRIME).to_bytes(LENGTH, "big"))
            sealed, public = self._read(connected, 128), int.from_bytes(self._read(connected, LENGTH), "big")
            shared = pow(public, private, PRIME).to_bytes(LENGTH, "big")
            decryptor = Cipher(AES(hashlib.md5(shared, usedforsecurity=False).digest()), ECB()).decryptor()  # noqa: S305
            plain = bytes(decryptor.update(sealed))
            self.told = plain[:64].partition(b"\0")[0], plain[64:].partition(b"\0")[0]
            connected.sendall(struct.pack(">I", 0 if self.told[0] else 1))
            self._read(connected, 1)
            connected.sendall(struct.pack(">HH16xI", 8, 6, 6) + b"weston")
            self._read(connected, 1)

    @staticmethod
    def _read(connected: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count and (more := connected.recv(count - len(data))):
            data += more
        return data


@contextmanager
def apple(hive: Hive, name: str) -> Iterator[AppleServer]:
    with socket.socket(socket.AF_UNIX) as listener:
        path = hive.paths.vnc_socket(name)
        path.parent.mkdir(exist_ok=True)
        listener.bind(str(path))
        listener.listen()
        server = AppleServer(listener)
        server.start()
        yield server


async def test_a_server_that_wants_to_know_a_user(ada: Operator, name: str, hive: Hive) -> None:
    with apple(hive, name) as server:
        async with ada.watching(name) as viewer:
            assert (viewer.size, viewer.name) == ((8, 6), "weston")
    assert server.told == (name.encode(), b"")


def said(*pieces: bytes) -> Callable[[], bytes]:
    def answers() -> bytes:
        handshake = ToServer(Credentials())
        return b"".join(handshake.feed(piece) for piece in pieces)

    return answers


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([b"HTTP/1.1 200"], "no VNC server"),
        ([b"RFB 003.008\n", b"\x01\x13"], "security types 19, none of which is known"),
        ([b"RFB 003.008\n", b"\0" + (4).to_bytes(4, "big") + b"busy"], "refuses the connection: busy"),
        ([b"RFB 003.008\n", b"\0" + (1 << 31).to_bytes(4, "big")], "refuses the connection"),
        ([b"RFB 003.003\n", (5).to_bytes(4, "big")], "security type 5"),
        ([b"RFB 003.008\n", b"\x01\x01", (1).to_bytes(4, "big") + bytes(3) + b"\2no"], "credentials: no"),
        ([b"RFB 003.008\n", b"\x01\x1e", b"\0\2\xff\xff"], "a key of 65535 bytes"),
        ([b"RFB 003.008\n", b"\x01\x1e", b"\0\2\0\x10" + bytes(32)], "without a prime"),
    ],
)
def test_servers_that_are_refused(pieces: list[bytes], why: str) -> None:
    with pytest.raises(RfbError, match=why):
        said(*pieces)()


@pytest.mark.parametrize("version", [b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.008\n", b"RFB 003.889\n"])
def test_every_version_ends_with_a_shared_desktop(version: bytes) -> None:
    offer = {3: b"\0\0\0\x01", 7: b"\x01\x01", 8: b"\x01\x01\0\0\0\0", 889: b"\x01\x01\0\0\0\0"}[int(version[8:11])]
    whole = version + offer + b"ServerInit"
    for cut in range(len(whole)):
        handshake = ToServer(Credentials())
        answer = handshake.feed(whole[:cut]) + handshake.feed(whole[cut:])
        assert (handshake.done, handshake.rest(), answer[-1:]) == (True, b"ServerInit", b"\x01")


@pytest.mark.parametrize("said", [b"RFB 003.003\n", b"GET / HTTP/1", b"RFB 003.008\n\x02"])
def test_browsers_that_are_refused(said: bytes) -> None:
    with pytest.raises(RfbError):
        ToBrowser().feed(said)


def test_a_browser_that_says_all_at_once() -> None:
    handshake = ToBrowser()
    assert handshake.feed(b"RFB 003.008\n\x01\x00more") == b"RFB 003.008\n\x01\x01\0\0\0\0"
    assert (handshake.done, handshake.rest()) == (True, b"more")


async def test_a_server_that_says_nothing(ada: Operator, name: str, hive: Hive) -> None:
    hive.paths.agent_runtime(name).mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(hive.paths.vnc_socket(name)))
        silent.listen()
        async with ada.open(name) as opened:
            assert await Viewer(opened).closed() == (4404, "the screen did not answer within 10 s")
