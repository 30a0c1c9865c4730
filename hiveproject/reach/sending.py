"""One HTTP request to a receiver: no redirects, no proxies, a deadline, and nothing of the answer but its status."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from hiveproject.reach.addresses import AddressRefused, checked
from hiveproject.reach.formats import Request

SECONDS = 10.0
_ALL_SECONDS = 20.0
_AGAIN_LATER = frozenset({408, 425, 429})


class SendFailed(Exception):
    """It did not arrive. `permanent`: trying again is of no use."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


def send(request: Request) -> None:
    """Return when the receiver has taken it. Raises `SendFailed`, whose text holds neither address nor secret."""
    try:
        connection = _connection(request.url)
        with contextlib.closing(connection), _deadline(connection):
            _refuse_link_local(connection)
            parts = urlsplit(request.url)
            path = parts.path or "/"
            target = f"{path}?{parts.query}" if parts.query else path
            connection.request(request.method, target, request.body, {**request.headers, "User-Agent": "hyperhive"})
            status = connection.getresponse().status
    except AddressRefused as refusal:
        raise SendFailed(str(refusal), permanent=True) from refusal
    except (OSError, http.client.HTTPException) as error:
        raise SendFailed(_reason(error)) from error
    _judge(status)


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(checked(url))
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
    connection.connect()
    return connection


def _refuse_link_local(connection: http.client.HTTPConnection) -> None:
    """Asked of the peer itself, after every name was resolved: a cloud's metadata service is no receiver."""
    peer = str(connection.sock.getpeername()[0]).partition("%")[0]
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
        raise AddressRefused("a link-local address is no receiver")


@contextlib.contextmanager
def _deadline(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Each read has its own limit; this one is for all of them together."""

    def cut_off() -> None:
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_ALL_SECONDS, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise SendFailed(f"it answers with a redirect ({status}), which is not followed", permanent=True)
    permanent = 400 <= status < 500 and status not in _AGAIN_LATER
    raise SendFailed(f"it answers {status}", permanent=permanent)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, OSError):
        return f"cannot reach it: {error.strerror or type(error).__name__}"
    return f"it does not speak HTTP ({type(error).__name__})"
