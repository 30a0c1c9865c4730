"""Where the hive sends, and where it does not."""

from __future__ import annotations

import socket
import threading

import pytest

from hiveproject.reach import sending
from hiveproject.reach.addresses import AddressRefused, checked
from hiveproject.reach.formats import Request
from hiveproject.reach.sending import SendFailed

GOOD = ["https://ntfy.sh/hive", "http://10.0.0.5:8080/x?y=1", "http://[::1]:80/", "https://hooks.example/{secret}"]
BAD = [
    "",
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "javascript:alert(1)",
    "//example.org/",
    "http://",
    "http://user:pass@example.org/",
    "http://user@example.org/",
    "http://example.org:99999/",
    "http://example.org:0/",
    "http://{secret}/",
    "http://example.org/a b",
    "http://example.org/\r\nX: y",
    "http://example.org/\u202e",
    "http://example.org/" + "x" * 2_000,
]


@pytest.mark.parametrize("url", GOOD)
def test_web_addresses_are_good(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize("url", BAD)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        checked(url)
    with pytest.raises(SendFailed) as failure:
        sending.send(Request("POST", url, b""))
    assert failure.value.permanent


class Peer:
    """What is asked of a connection before anything is sent."""

    def __init__(self, address: str) -> None:
        self.sock = self
        self.address = address

    def getpeername(self) -> tuple[str, int]:
        return self.address, 80


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "0.0.0.0", "224.0.0.1"]
)
def test_a_clouds_own_addresses_get_nothing(address: str) -> None:
    """Asked of the peer of the connection, so that no name can lead there; such a peer is not to be had in a test."""
    with pytest.raises(AddressRefused):
        sending._refuse_link_local(Peer(address))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.0.2.1", "2001:db8::1"])
def test_machines_of_the_operators_network_may_be_told(address: str) -> None:
    sending._refuse_link_local(Peer(address))  # type: ignore[arg-type]


def test_what_does_not_speak_http_is_said_without_its_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"SSH-2.0-secret\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SendFailed) as failure:
            sending.send(Request("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", b"x"))
        thread.join()
    assert "does not speak HTTP" in str(failure.value)
    assert "secret" not in str(failure.value)


def test_a_receiver_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, the answer never does."""
    monkeypatch.setattr(sending, "_ALL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    while True:
                        peer.sendall(b"H")
                        if not peer.recv(1):
                            return
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(SendFailed) as failure:
            sending.send(Request("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", b"x"))
        thread.join(30)
    assert not failure.value.permanent
