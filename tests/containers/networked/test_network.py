"""Outward only: the world can be reached, nothing of the host and no other agent."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.containers import netlink
from tests.containers.hive import Hive
from tests.containers.outside import Outside


@pytest.fixture
def server() -> Iterator[int]:
    """A port of the host that answers on every address, IPv6 included."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def local_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def own_addresses() -> list[str]:
    version4 = [str(ipaddress.IPv4Address(address)) for address, bits in netlink.own_addresses() if bits == 32]
    lines = Path("/proc/net/if_inet6").read_text().splitlines()
    version6 = [str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))) for line in lines]
    return version4 + [address for address in version6 if not address.startswith("fe80")]


def test_the_world_outside_is_reached(hive: Hive, outside: Outside) -> None:
    hive.run(
        f"report(socket.create_connection(({outside.address!r}, {outside.port}), 5).recv(99).decode())",
        network="private",
    )
    assert hive.answer() == outside.host


def test_no_address_of_the_host_is_reached(hive: Hive, outside: Outside, server: int, local_server: int) -> None:
    addresses = own_addresses()
    assert outside.host in addresses
    assert len(addresses) >= 2
    for address in addresses:
        socket.create_connection((address, server), 5).close()
    hive.run(
        f"report(reach_all([(host, {server}) for host in {addresses}] + [('127.0.0.1', {local_server}), "
        f"('0.0.0.0', {server}), ('10.0.2.2', {local_server})]))",
        network="private",
    )
    assert "done" not in hive.answer()


def test_its_own_loopback_works(hive: Hive) -> None:
    hive.run("s = socket.create_server(('127.0.0.1', 0)); report(reach(*s.getsockname()))", network="private")
    assert hive.answer() == "done"


def test_the_hosts_network_is_given_where_it_is_asked_for(hive: Hive, local_server: int) -> None:
    hive.run(f"report(reach('127.0.0.1', {local_server}))", network="host")
    assert hive.answer() == "done"


def test_it_cannot_change_its_network(hive: Hive) -> None:
    body = "import ctypes; libc = ctypes.CDLL(None); report([libc.unshare(0x40000000), attempt(raw)])"
    hive.run("raw = lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n" + body, network="private")
    assert hive.answer() == [-1, "PermissionError"]
