"""A container's output on disk: capped, rotated once, never through a link. Few imports: the shim uses it.

What is in it was written by an agent: it is untrusted text.
"""

from __future__ import annotations

import os
import stat

LIMIT = 5 * 1024 * 1024
_TAIL = 512 * 1024
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Log:
    """Appends to `<name>.log` in `folder`; at `limit` bytes the file becomes `<name>.log.1`.

    The folder may belong to a less privileged user (`owner`: uid and gid, who also gets the file), so the file is
    opened relative to the folder's descriptor and must be a plain file with one name.
    """

    def __init__(self, path: str, owner: tuple[int, int], limit: int = LIMIT) -> None:
        folder, self._name = os.path.split(path)
        self._owner, self._limit = owner, limit
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._open()

    def write(self, data: bytes) -> None:
        if self._size + len(data) > self._limit:
            os.close(self._fd)
            os.rename(self._name, f"{self._name}.1", src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._open()
        data = data[-self._limit :]
        try:
            self._size += os.write(self._fd, data)
        except OSError:  # a full disk must not end the agent
            return

    def note(self, text: str) -> None:
        """A line of the hive's own."""
        self.write(f"hyperhive: {text}\n".encode())

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _OPEN
        self._fd = os.open(self._name, flags, 0o640, dir_fd=self._folder)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(f"{self._name} is not a plain file of its own; remove it")
        if found.st_uid != self._owner[0]:
            os.fchown(self._fd, *self._owner)
        self._size = found.st_size


def tail(path: str, lines: int) -> list[str]:
    """The last lines of a log, the rotated part included, with control characters made visible."""
    folder, name = os.path.split(path)
    data = b""
    for part in (name, f"{name}.1"):
        if data.count(b"\n") < lines:
            data = _end(folder, part) + data
    text = data[-_TAIL:].decode(errors="replace")
    return [_plain(line) for line in text.splitlines()[-lines:]] if lines > 0 else []


def _end(folder: str, name: str) -> bytes:
    """Read by root too, for whoever owns the folder: a link in the folder's place must not lead to other logs."""
    try:
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        fd = os.open(name, os.O_RDONLY | _OPEN, dir_fd=folder_fd)
    except OSError:
        return b""
    finally:
        os.close(folder_fd)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return b""
        return os.pread(fd, _TAIL, max(0, found.st_size - _TAIL))
    finally:
        os.close(fd)


def _plain(line: str) -> str:
    return "".join(char if char == "\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
