"""The Unix sockets that agents connect to: one in each agent's runtime folder, so the socket says who it is."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from agents import runtime
from agents.models import Agent
from broker import sql
from broker.hub import LIFECYCLES

logger = logging.getLogger(__name__)
MAX_PATH = 107
_BACKLOG = 64
_PAUSE_SECONDS = 1.0


class PathTooLong(Exception):
    """The runtime root leaves no room for a socket's path."""


@dataclass(frozen=True)
class Listener:
    """A socket that is listened on; `inode` tells whether the file is still ours."""

    socket: socket.socket
    path: str
    inode: int


class AgentSockets:
    """Keeps a socket open for every agent that has, or is just getting, a container.

    `adopt` gets each accepted connection. Twisted's own port is no use: it makes the file writable for everyone, and
    removes it after it may have been made anew.
    """

    def __init__(self, adopt: Callable[[socket.socket], None]) -> None:
        self._adopt = adopt
        self._open: dict[str, Listener] = {}
        self._told: dict[str, str] = {}

    def agent(self, path: bytes | str) -> str | None:
        """The agent whose socket this path is; None for any other."""
        name = Path(os.fsdecode(path)).parent.name
        known = name in self._open and os.fsdecode(path) == str(settings.HIVE_PATHS.agent_socket(name))
        return name if known else None

    @property
    def names(self) -> frozenset[str]:
        """Whose socket is open."""
        return frozenset(self._open)

    def follow(self, names: set[str]) -> None:
        """Listen for exactly these agents."""
        for name in self._open.keys() - names:
            self._close(name)
        for name in names - self._open.keys():
            self._try(name)

    def repair(self) -> None:
        """A socket whose file has gone is made again."""
        for name in self.names:
            if not self._is_ours(name):
                self._close(name)
                self._try(name)

    def close(self) -> None:
        self.follow(set())

    def _try(self, name: str) -> None:
        try:
            self._open[name] = self._bind(name)
        except OSError as error:
            if self._told.get(name) != str(error):
                self._told[name] = str(error)
                logger.error("no socket for %s: %s", name, error)
        else:
            self._told.pop(name, None)

    def _bind(self, name: str) -> Listener:
        path = runtime.folder(name) / settings.HIVE_PATHS.agent_socket(name).name
        path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Before bind: the file is made with this mode, nobody else can connect in between.
            os.fchmod(bound.fileno(), 0o600)
            bound.bind(str(path))
            runtime.share(name, path, "rw-")
            bound.listen(_BACKLOG)
            bound.setblocking(False)
        except OSError:
            bound.close()
            raise
        asyncio.get_running_loop().add_reader(bound, self._accept, bound)
        return Listener(bound, str(settings.HIVE_PATHS.agent_socket(name)), path.stat().st_ino)

    def _accept(self, bound: socket.socket) -> None:
        try:
            connected, _ = bound.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors: asking again at once would keep the loop busy
            logger.error("a connection was not taken: %s", error)
            self._pause(bound)
        else:
            self._adopt(connected)

    def _pause(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(bound)
        loop.call_later(_PAUSE_SECONDS, lambda: bound.fileno() < 0 or loop.add_reader(bound, self._accept, bound))

    def _is_ours(self, name: str) -> bool:
        try:
            return os.lstat(self._open[name].path).st_ino == self._open[name].inode
        except OSError:
            return False

    def _close(self, name: str) -> None:
        if name not in self._open:
            return
        if self._is_ours(name):
            settings.HIVE_PATHS.agent_socket(name).unlink(missing_ok=True)
        listener = self._open.pop(name)
        asyncio.get_running_loop().remove_reader(listener.socket)
        listener.socket.close()


def wanted(known: Collection[str] = ()) -> set[str]:
    """Agents that get a socket: those whose folders are there; they are for those `known`. Blocks."""
    found = sql.rows(f"SELECT name FROM {Agent._meta.db_table} WHERE lifecycle IN (%s, %s)", *LIFECYCLES)  # noqa: S608
    return {name for (name,) in found if name in known or settings.HIVE_PATHS.credentials(name).is_dir()}


def refuse_long_paths() -> None:
    """Raises `PathTooLong` when the longest agent name would not fit (unix(7): 107 bytes)."""
    longest = os.fsencode(settings.HIVE_PATHS.agent_socket("a" * 9))
    if len(longest) > MAX_PATH:
        spare = MAX_PATH - len(longest) + len(os.fsencode(settings.HIVE_PATHS.runtime))
        raise PathTooLong(
            f"the runtime root {settings.HIVE_PATHS.runtime} is too long for the agents' sockets: "
            f"set HYPERHIVE_RUNTIME_ROOT to a path of at most {spare} bytes"
        )
