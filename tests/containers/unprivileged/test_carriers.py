"""Networks without root: slirp4netns where pasta is missing, and loopback where both are."""

from __future__ import annotations

from collections.abc import Callable

from agents.containers import processes
from tests.containers.hive import Hive
from tests.containers.networked import test_network
from tests.containers.networked.test_network import local_server, server  # noqa: F401  # fixtures
from tests.containers.outside import Outside


def test_slirp_takes_over(hive: Hive, outside: Outside, without: Callable[..., None], server: int) -> None:  # noqa: F811
    without("pasta")
    addresses = test_network.own_addresses()
    hive.run(
        f"places = [(host, {server}) for host in ['10.0.2.2', *{addresses}]]\n"
        f"report(reach_all([({outside.address!r}, {outside.port}), *places]))\n"
        "report(open('/etc/resolv.conf').read()); wait()",
        network="private",
    )
    world, *host = hive.answer()
    assert world == "done"
    assert "done" not in host
    assert hive.answer() == "nameserver 10.0.2.3\n"
    everything = hive.whole()
    assert any(b"slirp4netns" in b"".join(processes.command_line(pid)) for pid, _ in everything)
    hive.containers.stop("alice")
    assert not any(map(processes.alive, everything))


def test_without_either_there_is_loopback_and_a_line_that_says_so(hive: Hive, without: Callable[..., None]) -> None:
    without("pasta", "slirp4netns")
    hive.run("report([reach('192.0.2.1', 53), open('/etc/resolv.conf').read()])", network="private")
    assert hive.answer() == ["OSError", ""]
    assert any("install passt" in line for line in hive.containers.logs("alice"))
