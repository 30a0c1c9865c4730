"""`python -m tests.bench.relay.server PORT`: speaks RFB's handshake, then answers update requests with noise.

The width of a request says what is wanted: 1 is answered with one byte, anything else with so many MiB.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading

from agents.screen.handshakes import ToBrowser

SERVER_INIT = struct.pack(">HHBBBBHHHBBB3xI", 1280, 800, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0, 5) + b"bench"
PIECE = os.urandom(1024 * 1024)
REQUEST = 10
BELL = b"\x02"


class Session:
    def __init__(self, connected: socket.socket) -> None:
        self.connected, self.greeting, self.pending = connected, ToBrowser(), b""

    def hear(self, data: bytes) -> None:
        if not self.greeting.done:
            self.connected.sendall(self.greeting.feed(data))
            if self.greeting.done:
                self.connected.sendall(SERVER_INIT)
            return
        self.pending += data
        while len(self.pending) >= REQUEST:
            (wanted,) = struct.unpack(">H", self.pending[6:8])
            self.pending = self.pending[REQUEST:]
            if wanted == 1:
                self.connected.sendall(BELL)
            else:
                threading.Thread(target=self._pour, args=(wanted,), daemon=True).start()

    def _pour(self, count: int) -> None:
        try:
            for _ in range(count):
                self.connected.sendall(PIECE)
        except OSError:
            return


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256, reuse_port=False)
    poller, sessions = select.epoll(), {}
    poller.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                connected, _ = listener.accept()
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                session = sessions[connected.fileno()] = Session(connected)
                poller.register(connected, select.EPOLLIN)
                connected.sendall(session.greeting.feed(b""))
                continue
            session = sessions[fd]
            try:
                data = session.connected.recv(65536)
                if data:
                    session.hear(data)
                    continue
            except OSError:
                pass
            poller.unregister(fd)
            sessions.pop(fd).connected.close()


if __name__ == "__main__":
    main()
