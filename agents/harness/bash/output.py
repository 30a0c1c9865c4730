"""What a command writes: its beginning and its end for the model, all of it in a file of the notes folder."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import IO

HEAD, TAIL = 8 * 1024, 16 * 1024
FILE_LIMIT = 64 * 1024 * 1024
FILES_KEPT = 50


class Output:
    """`spilled` is the file once there is one: from the start for `always`, else when the model cannot see all."""

    def __init__(self, path: Path, *, always: bool = False) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self.total = 0
        self.lost = ""
        if always:
            self._open()

    @property
    def spilled(self) -> Path | None:
        return self._path if self._file is not None else None

    def take(self, piece: bytes) -> None:
        self.total += len(piece)
        self._write(piece)
        room = HEAD - len(self._head)
        self._head += piece[:room]
        if rest := piece[room:]:
            self._keep(rest)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def text(self) -> str:
        """For the model: whole, or with its middle left out and the file named."""
        tail = b"".join(self._tail)
        left_out = self.total - len(self._head) - len(tail)
        if left_out <= 0:
            return _decoded(bytes(self._head) + tail)
        where = f"all of it is in {self._path}" if self._file is not None else self.lost
        return f"{_decoded(bytes(self._head))}\n… {left_out} bytes left out; {where} …\n{_decoded(tail)}"

    def _keep(self, piece: bytes) -> None:
        self._tail.append(piece)
        self._in_tail += len(piece)
        while self._in_tail > TAIL:
            first = self._tail.popleft()
            over = self._in_tail - TAIL
            if len(first) > over:
                self._tail.appendleft(first[over:])
            dropped = min(over, len(first))
            self._in_tail -= dropped
            if self._file is None and not self.lost:
                self._spill(dropped, first)

    def _spill(self, dropped: int, first: bytes) -> None:
        """The first bytes that the model will not see: nothing has been lost yet."""
        self._open()
        self._append(bytes(self._head) + first[:dropped] + b"".join(self._tail))

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(self._path.parent)
            self._file = open(self._path, "wb", buffering=0)  # noqa: SIM115 - it lives as long as the command
        except OSError as error:
            self.lost = f"the file for it could not be written ({error.strerror})"

    def _write(self, piece: bytes) -> None:
        if self._file is not None:
            self._append(piece)

    def _append(self, piece: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(piece[: max(0, FILE_LIMIT - self._file.tell())])
        except OSError as error:
            self._file.close()
            self._file, self.lost = None, f"the file for it could not be written ({error.strerror})"


def _sweep(folder: Path) -> None:
    """The oldest files go."""
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime)
    for file in files[: max(0, len(files) - FILES_KEPT + 1)]:
        file.unlink(missing_ok=True)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
