"""Networks as root."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path

import pytest

from agents import command
from agents.containers import veth
from agents.naming import fnv1a
from tests.containers.hive import Hive
from tests.containers.outside import Outside

ADDRESS = (
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('198.18.0.1', 9)); report(s.getsockname()[0])\n"
)


def links() -> set[str]:
    return {name for name in os.listdir("/sys/class/net") if name.startswith(veth.PREFIX)}


def test_agents_do_not_reach_each_other(hive: Hive) -> None:
    hive.run(
        ADDRESS + "l = socket.create_server(('0.0.0.0', 0)); report(l.getsockname()[1]); wait()",
        name="bob",
        network="private",
    )
    address, port = hive.answer("bob"), hive.answer("bob")
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.0.0.0/8")
    hive.run(ADDRESS + f"report(reach({address!r}, {port}))", network="private")
    assert hive.answer() != address
    assert hive.answer() != "done"


def test_what_a_cloud_tells_the_machine_is_not_for_agents(hive: Hive, outside: Outside) -> None:
    places = [(outside.link_local, outside.port), (outside.address, outside.port)]
    socket.create_connection(places[0], 5).close()
    hive.run(f"report(reach_all({places}))", network="private")
    refused, reached = hive.answer()
    assert refused != "done"
    assert reached == "done"


def test_the_host_may_begin(hive: Hive) -> None:
    hive.run(
        ADDRESS + "l = socket.create_server(('0.0.0.0', 0)); report(l.getsockname()[1]); wait()", network="private"
    )
    socket.create_connection((hive.answer(), hive.answer()), 5).close()


def test_the_link_goes_with_the_sandbox(hive: Hive) -> None:
    before = links()
    hive.run(network="private")
    hive.answer()
    (link,) = links() - before
    hive.containers.stop("alice")
    hive.run(network="private")
    hive.answer()
    assert links() - before == {link}


def test_the_machine_becomes_no_router(hive: Hive) -> None:
    """Where forwarding was off, only agents' packets pass through what was turned on."""
    hive.run(network="private")
    hive.answer()
    rules = command.run(["nft", "list", "chain", "inet", veth.TABLE, "forward"], timeout=10).text
    assert re.search(r'iifname @opened oifname != "hhv\*" drop', rules)
    if Path("/proc/sys/net/ipv4/conf/all/forwarding").read_text().strip() == "0":
        opened = command.run(["nft", "list", "set", "inet", veth.TABLE, veth.OPENED], timeout=10).text
        for name in os.listdir("/sys/class/net"):
            forwards = Path("/proc/sys/net/ipv4/conf", name, "forwarding").read_text().strip() == "1"
            assert not forwards or name.startswith(veth.PREFIX) or f'"{name}"' in opened


def test_flushed_rules_come_back_for_what_was_opened(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that is loaded anew takes the rules away; forwarding stays on, so the guard has to return."""
    hive.run(network="private")
    hive.answer()
    remembered = hive.root / "opened"
    remembered.write_text("lo\ngone0")
    monkeypatch.setattr(veth, "_REMEMBERED", remembered)
    veth._guard_opened([])
    listed = command.run(["nft", "list", "set", "inet", veth.TABLE, veth.OPENED], timeout=10).text
    command.run(["nft", "delete", "element", "inet", veth.TABLE, veth.OPENED, '{ "lo" }'], timeout=10)
    assert '"lo"' in listed
    assert "gone0" not in listed


def test_an_agent_keeps_its_address() -> None:
    first = veth.choose("alice", [])
    assert first == veth.choose("alice", [{"dst": "192.0.2.0/24", "dev": "eth0"}])
    assert first.subnet_of(ipaddress.IPv4Network("10.213.0.0/16"))
    assert int(first[0]) - int(ipaddress.IPv4Address("10.213.0.0")) == fnv1a("alice") % 16384 * 4


def test_an_address_in_use_is_passed_over() -> None:
    first = veth.choose("alice", [])
    second = veth.choose("alice", [{"dst": str(first), "dev": "hhv00000001"}])
    assert int(second[0]) == int(first[0]) + 4


def test_a_range_in_use_is_passed_over() -> None:
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "10.213.4.0/24", "dev": "vpn0"}, {"dst": "10.214.0.1"}]
    assert veth.choose("alice", routes).subnet_of(ipaddress.IPv4Network("10.215.0.0/16"))
    with pytest.raises(veth.NetworkUnavailable, match="in use"):
        veth.choose("alice", [{"dst": "10.0.0.0/8", "dev": "vpn0"}])
