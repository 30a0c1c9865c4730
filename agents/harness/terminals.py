"""Terminals that the operator opens: for each a shell, and a websocket of its own to the hive."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from agents.harness.config import BadConfiguration, Config
from agents.harness.frames import Frame
from agents.harness.journal import Emit
from agents.harness.shell import Shell

MOST = 16
_ID = re.compile(r"[0-9a-f]{32}")
_SIZE = range(1, 1001)
_HIDDEN = ("HIVE_RUN_DIR",)


class Terminals:
    """Started by the hive's `open_terminal`, ended by either side."""

    def __init__(self, config: Config, emit: Emit) -> None:
        self._config, self._emit = config, emit
        self._open: dict[str, asyncio.Task[None]] = {}

    def open(self, frame: Frame) -> None:
        """Take an `open_terminal` frame; one that makes no sense is told and left."""
        ident, columns, rows = frame.get("terminal"), frame.get("columns"), frame.get("rows")
        sized = all(type(number) is int and number in _SIZE for number in (columns, rows))
        if not (isinstance(ident, str) and _ID.fullmatch(ident) and sized) or len(self._open) >= MOST:
            self._emit("error", text="a terminal was not opened: the hive's frame was not understood")
            return
        if ident not in self._open:
            task = self._open[ident] = asyncio.ensure_future(self._serve(ident, int(str(columns)), int(str(rows))))
            task.add_done_callback(lambda _: self._open.pop(ident, None))

    async def close(self) -> None:
        """End every shell."""
        running = list(self._open.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, ident: str, columns: int, rows: int) -> None:
        try:
            async with self._connect(ident) as socket:
                await self._run(socket, columns, rows)
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, BadConfiguration) as error:
            self._emit("error", text=f"a terminal ended: {error or type(error).__name__}")

    def _connect(self, ident: str) -> Any:
        return unix_connect(
            str(self._config.socket),
            uri=f"ws://localhost/ws/terminal/{ident}",
            additional_headers={"Authorization": f"Bearer {self._config.token()}"},
            compression=None,
            user_agent_header=None,
        )

    async def _run(self, socket: ClientConnection, columns: int, rows: int) -> None:
        try:
            shell = await Shell.start(self._config.notes, columns, rows, _environment())
        except OSError as error:
            await socket.send(json.dumps({"ended": f"No shell could be started: {error}"}))
            return
        ways = [asyncio.ensure_future(_show(shell, socket)), asyncio.ensure_future(_type(socket, shell))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            status = await asyncio.shield(shell.end())
        await socket.send(json.dumps({"ended": f"The shell has ended (exit status {status})."}))


async def _show(shell: Shell, socket: ClientConnection) -> None:
    while data := await shell.read():
        await socket.send(data)


async def _type(socket: ClientConnection, shell: Shell) -> None:
    async for said in socket:
        if isinstance(said, bytes):
            await shell.write(said)
        else:
            _resize(shell, said)


def _resize(shell: Shell, text: str) -> None:
    words = json.loads(text)
    size = words.get("resize") if isinstance(words, dict) else None
    if isinstance(size, list) and len(size) == 2 and all(type(number) is int and number in _SIZE for number in size):
        shell.resize(*size)


def _environment() -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    return {**known, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
