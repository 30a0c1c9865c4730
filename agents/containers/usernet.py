"""A network for a sandbox without root: pasta or slirp4netns, outward only, no address of the host reachable.

The shim owns the program that carries the packets. It has few imports; what only matters here is imported here.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time

from agents.containers import netlink

READY_SECONDS = 10.0
_NS_GET_USERNS = 0xB701
_DEFAULT_ROUTE = "00000000"


class NetworkFailed(OSError):
    """The sandbox has no network but its own loopback; the text says why."""


class UserNetwork:
    """One sandbox's network. `init` is its first process, `tool` the path of pasta or slirp4netns."""

    def __init__(self, tool: str, init: int, output: int) -> None:
        self._namespace = os.open(f"/proc/{init}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._owner = fcntl.ioctl(self._namespace, _NS_GET_USERNS)
        os.set_inheritable(self._owner, False)
        self.watcher = netlink.watch()
        _wait_loopback(init)
        self._alive, alive = os.pipe()
        self.pid = self._carrier(tool, init, output, alive)
        os.close(self._alive)
        self._keep_open = alive
        try:
            self._wait_ready(init)
            self.block_host()
        except OSError as error:
            self.end()
            raise NetworkFailed(f"{os.path.basename(tool)}: {error}") from error

    def block_host(self) -> None:
        """Refuse every address that is the host's at this moment; called again when they change."""
        netlink.forget(self.watcher)
        prefixes = netlink.own_addresses()
        pid = os.fork()
        if pid == 0:
            _inside(self._owner, self._namespace, prefixes)
        if os.waitpid(pid, 0)[1] != 0:
            raise NetworkFailed("the host's addresses could not be blocked")

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _carrier(self, tool: str, init: int, output: int, alive: int) -> int:
        # The carrier enters the first, and from there may look at the sandbox's processes but not at the shim.
        user, net = f"/proc/{os.getpid()}/fd/{self._owner}", f"/proc/{init}/ns/net"
        if os.path.basename(tool) == "pasta":
            words = [tool, "--foreground", "--quiet", "--ipv4-only", "--config-net", "--no-map-gw"]
            words += ["-t", "none", "-u", "none", "-T", "none", "-U", "none", "--userns", user, "--netns", net]
        else:
            words = [tool, "--configure", "--mtu=65520", "--disable-host-loopback", "--netns-type=path"]
            words += [f"--userns-path={user}", f"--exit-fd={self._alive}", net, "tap0"]
        pid = os.fork()
        if pid == 0:
            os.close(alive)
            _become(words, output, self._alive)
        return pid

    def _wait_ready(self, init: int) -> None:
        gone = os.pidfd_open(self.pid)
        poller = select.poll()
        poller.register(gone, select.POLLIN)
        deadline = time.monotonic() + READY_SECONDS
        try:
            while not _has_default_route(init):
                if poller.poll(2):
                    raise NetworkFailed("it ended at once")
                if time.monotonic() > deadline:
                    raise NetworkFailed(f"not ready after {READY_SECONDS:.0f} s")
        finally:
            os.close(gone)


def _wait_loopback(pid: int) -> None:
    """The launcher gives the loopback its address, and fails when a carrier, which does so too, is faster."""
    deadline = time.monotonic() + READY_SECONDS
    while not _mentions(pid, "fib_trie", "127.0.0.1"):
        if time.monotonic() > deadline:
            raise NetworkFailed("the sandbox's loopback did not come up")
        time.sleep(0.001)


def _mentions(pid: int, file: str, text: str) -> bool:
    with open(f"/proc/{pid}/net/{file}") as stream:
        return text in stream.read()


def _has_default_route(pid: int) -> bool:
    with open(f"/proc/{pid}/net/route") as file:
        return any(line.split()[1] == _DEFAULT_ROUTE for line in file if line.split()[1:])


def _become(words: list[str], output: int, keep: int) -> None:
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for target, fd in enumerate((null, output, output)):
            os.dup2(fd, target)
        os.set_inheritable(keep, True)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)  # pasta refuses to start where SIGPIPE is ignored
        # The carrier must not outlive the shim, however that ends.
        os.execvp("setpriv", ["setpriv", "--pdeathsig", "KILL", *words])  # noqa: S606  # what a shim is for
    finally:
        os._exit(127)


def _inside(owner: int, namespace: int, prefixes: set[netlink.Prefix]) -> None:
    """In a process of its own: enter the sandbox's namespaces, refuse the addresses, end."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    try:
        for fd in (owner, namespace):
            if libc.setns(fd, 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        netlink.prohibit(prefixes)
        os._exit(0)
    finally:
        os._exit(1)
