"""The CLI session that an agent goes on with, over turns and restarts."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from agents.harness.drivers.remains import kill_marked

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
MARK = re.compile(r"[0-9a-f]{32}")
LOCK_SECONDS = 0.2


@dataclass(frozen=True)
class Session:
    """`prompt` is a hash of the system prompt that the session began with: the CLI would go on using that one.

    `cost` is what the CLI has counted for the session so far, in US dollars.
    """

    id: str
    prompt: str
    cost: float = 0.0


def prompt_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


class SessionFile:
    def __init__(self, notes: Path, name: str = "session.json") -> None:
        self._folder = notes / ".hive"
        self._path = self._folder / name

    def load(self) -> Session | None:
        """None for none, and for a file that somebody has spoilt: then a new session begins."""
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            session = Session(data["session"], data["prompt"], float(data.get("cost", 0.0)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return session if isinstance(session.id, str) and SESSION_ID.fullmatch(session.id) else None

    def store(self, session: Session) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        data = {"session": session.id, "prompt": session.prompt, "cost": session.cost}
        fresh.write_text(json.dumps(data), encoding="utf-8")
        fresh.replace(self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)

    @asynccontextmanager
    async def locked(self, mark: str) -> AsyncIterator[None]:
        """Two CLIs on one session both end well, and one of their branches is lost: one at a time.

        `mark` is the one of the CLI that will run. A harness that was killed left its own mark here: what still runs
        of that CLI is ended first.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self._folder / "session.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            while not _lock(descriptor):  # noqa: ASYNC110 - another process has it: there is no event to wait for
                await asyncio.sleep(LOCK_SECONDS)
            left = os.pread(descriptor, 64, 0).decode("ascii", errors="replace")
            if MARK.fullmatch(left):
                kill_marked(left)
            _write(descriptor, mark)
            yield
            _write(descriptor, "")
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
