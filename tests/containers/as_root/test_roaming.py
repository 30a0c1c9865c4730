"""A laptop that gets a new address: an ordinary user's agent is kept from that one too."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from agents import command
from tests.containers import ordinary

PIPE = -1

PROGRAM = """
import os, sys, tempfile
from pathlib import Path
from tests.containers.hive import Hive

hive = Hive(Path(tempfile.mkdtemp()))
try:
    hive.containers.create("alice")
    os.mkfifo(hive.paths.notes("alice") / "go")
    hive.run('''
import time
open("/agents/alice/state/go").read()
until, seen = time.monotonic() + 10, "done"
while seen == "done" and time.monotonic() < until:
    seen = reach({address!r}, {port})
report(seen)
''', network="private")
    print("started", flush=True)
    sys.stdin.readline()
    with open(hive.paths.notes("alice") / "go", "w") as go:
        go.write("go")
    print(hive.answer(), flush=True)
finally:
    hive.close()
"""


def test_an_address_that_comes_later_is_blocked_too(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, ordinary.UID, ordinary.UID)
    address = f"198.19.{os.getpid() % 250}.1"
    reading, writing = os.pipe()
    with socket.create_server(("0.0.0.0", 0)) as server:
        program = PROGRAM.format(address=address, port=server.getsockname()[1])
        words = ordinary.argv(["-c", program], tmp_path)
        process = command.start(
            words, env=ordinary.environment(TMPDIR=str(work)), stdin=reading, stdout=PIPE, cwd=ordinary.CODE
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"started\n"
            command.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], timeout=10)
            os.write(writing, b"\n")
            assert process.stdout.readline() in (b"PermissionError\n", b"OSError\n")
            assert process.wait(30) == 0
        finally:
            command.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], timeout=10)
            command.kill_group(process)
            os.close(reading)
            os.close(writing)
