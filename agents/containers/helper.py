"""The root helper: the only part of a running hive that has root, and it does nothing but the verbs.

`python -m agents.containers.helper --state-root … --runtime-root … --user hyperhive --fd N`. It ends when nobody
holds the other end of its socket any more and every verb that was begun is done.
"""

from __future__ import annotations

import argparse
import os
import pwd
import signal
import socket
import sys
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any

from agents.containers import verbs, wire
from agents.containers.folders import Owners
from agents.containers.protocol import VerbFailed, VerbRefused
from agents.paths import Paths

MAX_CALLS = 32
_REQUEST_SECONDS = 10.0


class Helper:
    """Serves one socket; every call has a thread of its own."""

    def __init__(self, paths: Paths, owners: Owners, knocking: socket.socket) -> None:
        self._paths, self._owners, self._knocking = paths, owners, knocking
        self._free = BoundedSemaphore(MAX_CALLS)

    def serve(self) -> None:
        """Return when all callers are gone."""
        while True:
            try:
                caller = wire.answer_knock(self._knocking)
            except wire.WireError as error:
                _complain(error)
                continue
            if caller is None:
                return
            self._free.acquire()
            Thread(target=self._serve_one, args=caller).start()

    def _serve_one(self, stream: socket.socket, out_fd: int | None) -> None:
        try:
            with stream:
                stream.settimeout(_REQUEST_SECONDS)
                wire.send(stream, self._answer(wire.receive(stream, wire.MAX_REQUEST), out_fd))
        except wire.WireError as error:
            _complain(error)
        finally:
            if out_fd is not None:
                os.close(out_fd)
            self._free.release()

    def _answer(self, request: dict[str, Any], out_fd: int | None) -> dict[str, Any]:
        verb, arguments = request.get("verb"), request.get("arguments")
        if not isinstance(verb, str) or not isinstance(arguments, dict):
            return {"refused": "a request names a verb and its arguments"}
        try:
            return {"done": verbs.perform(verbs.Context(self._paths, self._owners, out_fd), verb, arguments)}
        except VerbRefused as error:
            return {"refused": str(error)}
        except VerbFailed as error:
            return {"failed": str(error), "log": error.log, "retryable": error.retryable}


def _complain(error: wire.WireError) -> None:
    sys.stderr.write(f"root helper: {error}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="agents.containers.helper")
    parser.add_argument("--state-root", type=Path, required=True)
    parser.add_argument("--runtime-root", type=Path, required=True)
    parser.add_argument("--user", required=True, help="the user of web and worker")
    parser.add_argument("--fd", type=int, required=True, help="our end of a SOCK_SEQPACKET socket pair")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever stops the agents first
    os.umask(0o022)
    user = pwd.getpwnam(options.user)
    owners = Owners((user.pw_uid, user.pw_gid))
    Helper(Paths(options.state_root, options.runtime_root), owners, socket.socket(fileno=options.fd)).serve()


if __name__ == "__main__":
    main()
